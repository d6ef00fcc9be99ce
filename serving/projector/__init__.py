"""Carries the output topics into the Redis view."""
