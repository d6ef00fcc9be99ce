"""Tiers of one customer: evaluated, foreseen, told, and set by hand."""
