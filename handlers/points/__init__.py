"""Points of one customer: given, spent, expired, and what is put out about them."""
