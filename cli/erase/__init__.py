"""`tierstream erase`: erases a customer, follows the erasure, and reports residual data."""
