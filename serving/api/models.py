"""The JSON documents that only the API has, for its OpenAPI description."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from handlers.outputs import CrossedView, Profile, RfmView
from scoring.timestamps import rfc3339
from serving.api.figure_models import FIGURE_MODELS
from serving.api.rows import WorkRow
from serving.view.trend import Trend


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


class WorkList(Struct, frozen=True):
    """A page of a work list; it may be short, even empty, and still have a next one."""

    customers: list[WorkRow]
    next: str | None


class LikelySame(Struct, frozen=True):
    """A customer who is likely the same person as others."""

    customer_id: str
    name: str | None
    phone: str | None
    email: str | None
    tier: str
    owner: str | None
    orders_ever: int
    spend_ever: str
    last_order_at: str | None


class SameGroup(Struct, frozen=True):
    """Customers who share a phone, an e-mail address or a union id."""

    by: str
    size: int
    """How many they are; at most 20 of them are told."""
    customers: list[LikelySame]


class SameGroups(Struct, frozen=True):
    """A page of groups, the largest first."""

    groups: list[SameGroup]
    next: str | None


class TimelineEntry(Struct, frozen=True, omit_defaults=True):
    """What happened to a customer: the `data` of an output without what is null or says little.

    Which fields there are is for the type to say; others than these may come.
    """

    type: str
    sequence: int
    effective_at: str
    reason: str
    action: str | None = None
    suppressed: str | None = None
    owner: str | None = None
    tier: str | None = None
    previous_tier: str | None = None
    direction: str | None = None
    after: RfmView | None = None
    crossed: list[CrossedView] = []
    caused_by: list[str] = []
    keeps_until: str | None = None
    level: str | None = None
    previous_level: str | None = None
    due_on: str | None = None
    delta: int | None = None
    """Points that came or, below 0, went."""
    balance: int | None = None
    previous_owner: str | None = None


class Timeline(Struct, frozen=True):
    """A page of what happened to a customer, the newest first."""

    entries: list[TimelineEntry]
    next: str | None


class TrendMonth(Struct, frozen=True):
    """What came to count after an instant up to the last profile of a month."""

    month: str
    """In UTC, such as `2026-01`: that of `as_of`."""
    after: str
    as_of: str
    orders: int
    """Below 0 if more were taken back than came."""
    spend: str
    score: int | None
    """As of `as_of`; null for a prospect."""


class CustomerTrend(Struct, frozen=True):
    """Orders, spend and score by month, the oldest first; months without a profile are left out."""

    since: str | None
    """From when on this is known; null if nothing is."""
    months: list[TrendMonth]


def customer_trend(found: Trend) -> CustomerTrend:
    """The document of a trend."""
    months = [
        TrendMonth(
            month.name,
            rfc3339(month.after_ms),
            rfc3339(month.as_of_ms),
            month.orders,
            month.spend,
            month.score,
        )
        for month in found.months
    ]
    return CustomerTrend(None if found.since_ms is None else rfc3339(found.since_ms), months)


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
    unowned: dict[str, int]
    """``true`` for those without an account manager, under a policy that asks for one."""
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
    spend: str
    """What these customers had spent in the window then; who moved twice counts twice."""


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


MODELS: tuple[type, ...] = (
    Customers,
    Reached,
    WorkList,
    SameGroups,
    Timeline,
    CustomerTrend,
    Distributions,
    Migrations,
    *FIGURE_MODELS,
)


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
