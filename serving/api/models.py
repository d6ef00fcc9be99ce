"""The shapes of answers that are not a record of somebody else, as they are described."""

from __future__ import annotations

from msgspec import Struct, field

from handlers.outputs import Profile


class Customers(Struct, frozen=True):
    """A page of customers; it may be short, even empty, and still have a next one."""

    customers: list[Profile]
    next: str | None
    """Path and query of the next page; null after the last."""


class ReachedCustomer(Struct, frozen=True):
    """A customer who reached a level, and when."""

    reached_at: str
    profile: Profile


class Reached(Struct, frozen=True):
    """A page of customers who reached a level, the latest first."""

    customers: list[ReachedCustomer]
    next: str | None


class Distributions(Struct, frozen=True):
    """How many customers have each value, the most first."""

    tier: dict[str, int]
    stage: dict[str, int]
    segment: dict[str, int]
    level: dict[str, int]
    tag: dict[str, int]


class MoveCount(Struct, frozen=True):
    """How often a kind of move was made."""

    previous_tier: str
    tier: str
    reason: str
    count: int


class Migrations(Struct, frozen=True):
    """Moves between tiers in a period of UTC days, both ends included."""

    first_day: str = field(name="from")
    last_day: str = field(name="to")
    complete_from: str | None
    """Counts of days before this one are missing or too low; null without any moves."""
    matrix: dict[str, dict[str, int]]
    """By the tier left, then by the tier reached."""
    by_reason: dict[str, int]
    moves: list[MoveCount]


SHAPES: tuple[type, ...] = (Customers, Reached, Distributions, Migrations)
