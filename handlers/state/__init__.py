"""The state of customers and partitions, and how it is restored."""
