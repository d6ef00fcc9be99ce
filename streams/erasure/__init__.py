"""Erasing a person: the request, its receipt, and where data may remain."""

from __future__ import annotations

from streams.erasure.receipt import Count, Receipt, ResidualData, Step

__all__ = ["Count", "Receipt", "ResidualData", "Step"]
