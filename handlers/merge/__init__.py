"""Merges: two ids of one person become one customer."""
