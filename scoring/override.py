"""Grades by hand: a tier that somebody grants until an instant, or bounds the customer to."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from scoring.rules import Rules
from scoring.timestamps import NEVER_MS

FLOOR, CEILING, FIXED = "floor", "ceiling", "fixed"
"""At least the tier, at most it, exactly it."""


class Override(Struct, array_like=True, frozen=True):
    """The newest word on a customer's tier, kept also after its end: an older one never counts."""

    told_ms: int
    """When it was said: the `occurred_at` of its event."""
    tier: str | None = None
    """None: what was in force ended."""
    until_ms: int = NEVER_MS
    mode: str = FLOOR
    by: str | None = None
    note: str | None = None
    event_id: str = ""
    approved_by: str | None = None
    ended_ms: int = NEVER_MS
    """When the newest end was said that this one came after, or has beside it."""

    @property
    def last_end_ms(self) -> int:
        """When the newest end was said; it takes back what was said before and waits."""
        return self.told_ms if self.tier is None else self.ended_ms

    def newer(self, other: Override | None) -> Override:
        """This one, or another that was said after it; of equal times this one."""
        if other is None:
            return self
        found = self if self.told_ms >= other.told_ms else other
        ended_ms = max(self.last_end_ms, other.last_end_ms)
        return found if ended_ms <= found.last_end_ms else replace(found, ended_ms=ended_ms)


def in_force(override: Override | None, rules: Rules, at_ms: int) -> Override | None:
    """The override if it is in force at an instant.

    It is while its `until` lies ahead; it rests under a policy that does not have its tier.
    """
    if override is None or override.tier is None or override.until_ms <= at_ms:
        return None
    return override if override.tier in rules.rank else None


def ends_at(override: Override | None, rules: Rules, at_ms: int) -> bool:
    """Whether an override was in force until exactly this instant."""
    return (
        override is not None
        and override.until_ms == at_ms
        and in_force(override, rules, at_ms - 1) is not None
    )


def overridden_rank(rules: Rules, rank: int, override: Override | None) -> int:
    """The qualified rank with the override in force; `rank` is the one by the figures alone."""
    if override is None:
        return rank
    assert override.tier is not None
    granted = rules.rank[override.tier]
    if override.mode == FLOOR:
        return min(rank, granted)
    return max(rank, granted) if override.mode == CEILING else granted


def best_rank(rules: Rules, override: Override | None) -> int:
    """The best rank that the override in force allows: 0 but for a ceiling or a fixed tier."""
    if override is None or override.mode == FLOOR:
        return 0
    assert override.tier is not None
    return rules.rank[override.tier]
