"""Changes as server-sent events: one Kafka consumer a stream, and a place to go on from."""
