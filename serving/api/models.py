"""The JSON documents that only the API has, for its OpenAPI description."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from handlers.outputs import Profile
from serving.api.figure_models import FIGURE_MODELS


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
    churn_answer: dict[str, int]
    """Why customers left."""
    owner: dict[str, int]
    """Who looks after them."""
    rf: dict[str, int]
    """The digits R and F."""
    tag: dict[str, int]


class DayMoves(Struct, frozen=True):
    """Moves of one UTC day."""

    day: str
    moves: list[MoveCount]


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
    days: list[DayMoves] | None = None
    """The days that have moves; null unless `by_day` is asked for."""


MODELS: tuple[type, ...] = (Customers, Reached, Distributions, Migrations, *FIGURE_MODELS)


PROFILE_EXAMPLE: dict[str, Any] = {
    "customer_id": "ana",
    "sequence": 2,
    "attributes": {"name": "Ana", "region": "north"},
    "marketing_consent": True,
    "tier": "A",
    "stage": "loyal",
    "level": "active",
    "recency_days": 0,
    "frequency": 4,
    "monetary": "1120.00",
    "r": 5,
    "f": 3,
    "m": 5,
    "score": 83,
    "segment": "Need Attention",
    "orders_ever": 4,
    "spend_ever": "1120.00",
    "first_order_at": "2025-01-05T10:00:00.000Z",
    "last_order_at": "2025-02-01T10:00:00.000Z",
    "last_interaction_at": "2025-02-01T10:00:00.000Z",
    "open_tickets": 0,
    "next_tier": None,
    "keeps_until": "2025-05-03T00:00:00.000Z",
    "as_of": "2025-02-01T10:00:00.000Z",
    "policy_version": "default-1",
    "override": None,
    "keep": {"orders_needed": 1, "total_needed": "0.00"},
    "channel_consent": {"email": True, "sms": False},
    "purpose_consent": {},
    "tags": [{"tag": "region:north", "since": "2025-01-05T10:00:00.000Z"}],
}
