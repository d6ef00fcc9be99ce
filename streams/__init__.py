"""The worker: a Faust app that moves records between Kafka and the pure rules of `handlers`."""
