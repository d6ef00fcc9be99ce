"""Dead letters: `tierstream dead-letters list` and `replay`."""
