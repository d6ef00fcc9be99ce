"""Marks a field of a kept record with its first format (`handlers.state.format_fields`)."""

from __future__ import annotations

from msgspec import Meta

SINCE = "since"
"""Where the mark is in the extras of a field's type."""


def since(number: int) -> Meta:
    """Marks a field that records have from this format on."""
    return Meta(extra={SINCE: number})
