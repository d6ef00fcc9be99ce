"""Erase a person and prove it: `tierstream erase`."""
