"""Messages that stand in tables, marked for the catalogue."""

from __future__ import annotations

Term = tuple[str | None, str]
"""Context (None for most) and message id of the catalogue."""


def mark(message: str) -> Term:
    """A message for the catalogue."""
    return None, message


def mark_in(context: str, message: str) -> Term:
    """A message whose English text means several things."""
    return context, message
