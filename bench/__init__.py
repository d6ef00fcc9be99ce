"""Measurements: the whole path on Apache Kafka beside the reading limit, the core, the memory."""
