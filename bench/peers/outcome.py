"""What one run took and told."""

from __future__ import annotations

from typing import NamedTuple

from bench.peers.checks import Check
from bench.peers.meter import Spent


class Outcome(NamedTuple):
    """What a run took and told."""

    spent: Spent
    load_average: float
    """Of the last minute, before it."""
    tier_changes: int
    check: Check | None
