"""What could not be used: `tierstream dead-letters list` and `replay`."""
