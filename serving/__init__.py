"""What readers see of every customer: a view in Redis and an HTTP API. No worker waits for it."""
