"""Ingest: checks records of the input topics and re-keys them into the canonical log."""
