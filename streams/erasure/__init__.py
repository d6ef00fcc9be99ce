"""Erasing a person: the request, what became of it, and where data may remain."""

from __future__ import annotations

from streams.erasure.erase import erase
from streams.erasure.receipt import Count, Receipt, Remains, Step

__all__ = ["Count", "Receipt", "Remains", "Step", "erase"]
