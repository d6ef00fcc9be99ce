"""What events do to customers, as pure functions, and the state machine of one partition."""
