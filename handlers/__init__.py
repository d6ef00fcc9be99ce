"""How events change customers, as pure functions, and the state machine of one partition."""
