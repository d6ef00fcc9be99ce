"""A customer's state in words: `tierstream explain`."""
