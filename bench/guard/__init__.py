"""A guard on the cost of an event: its CPU time as a multiple of the reading limit."""
