"""Changes as server-sent events: each stream has its own Kafka consumer, and can be resumed."""
