"""Tags of one customer: which a policy's rules give, and how they change."""
