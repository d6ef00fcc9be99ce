"""The biggest customers who rose or fell, from the records of `tier-changes`."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple

import msgspec

from cli.report.period import Period
from scoring.timestamps import parse_rfc3339

KEPT = 40
"""Moves kept of each direction: twice what is shown, since some customers may be gone."""

Direction = Literal["up", "down"]


class _Rfm(msgspec.Struct):
    monetary: str


class _Changed(msgspec.Struct):
    customer_id: str
    sequence: int
    previous_tier: str
    tier: str
    direction: Direction
    reason: str
    effective_at: str
    before: _Rfm | None
    after: _Rfm | None


class _Record(msgspec.Struct):
    data: _Changed


_decode = msgspec.json.Decoder(_Record).decode


class BigMove(NamedTuple):
    """A customer's move between tiers; the biggest compare as the largest.

    Attributes:
        spend: of the counted orders in the window when it happened, or before it if that was more.
        customer_id: who moved.
        sequence: of the output, by which one that was delivered twice is known.
        previous_tier: the tier left.
        tier: the tier reached.
        reason: of the change, as in `tier.changed`.
        effective_at: when.
    """

    spend: Decimal
    customer_id: str
    sequence: int
    previous_tier: str
    tier: str
    reason: str
    effective_at: str


@dataclass
class BiggestMoves:
    """Takes records in any order, and keeps the biggest moves of a period.

    Attributes:
        period: which moves count, by `effective_at`.
    """

    period: Period
    _heaps: dict[Direction, list[BigMove]] = field(default_factory=lambda: {"up": [], "down": []})

    def take(self, value: bytes | None) -> None:
        """Take a record; what is no tier change is passed over."""
        try:
            changed = _decode(value or b"").data
            spend = max(Decimal(rfm.monetary) for rfm in (changed.before, changed.after) if rfm)
        except (msgspec.MsgspecError, InvalidOperation, ValueError):
            return
        at_ms = parse_rfc3339(changed.effective_at)
        if at_ms is None or not self.period.has(at_ms):
            return
        self._keep(
            self._heaps[changed.direction],
            BigMove(
                spend,
                changed.customer_id,
                changed.sequence,
                changed.previous_tier,
                changed.tier,
                changed.reason,
                changed.effective_at,
            ),
        )

    def of(self, direction: Direction) -> list[BigMove]:
        """The biggest moves, the biggest first."""
        return sorted(self._heaps[direction], reverse=True)

    @staticmethod
    def _keep(heap: list[BigMove], move: BigMove) -> None:
        if any(
            (one.customer_id, one.sequence) == (move.customer_id, move.sequence) for one in heap
        ):
            return
        if len(heap) < KEPT:
            heapq.heappush(heap, move)
        else:
            heapq.heappushpop(heap, move)
