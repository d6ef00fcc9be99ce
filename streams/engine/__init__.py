"""The engine: applies the canonical log, flushes outputs and state, fences former owners."""
