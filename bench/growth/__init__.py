"""How cost grows with customers, with workers, and with a burst of events."""
