"""Two ids of one person become one customer."""
