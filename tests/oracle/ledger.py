"""Orders and the figures they make, recomputed from the whole list each time."""

import csv
import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tests.oracle.money import money_text, to_minor
from tests.oracle.policy import Policy
from tests.oracle.times import business_day

MOST_ORDERS_IN_WINDOW = 512
_SEGMENTS_FILE = Path(__file__).parents[2] / "scoring" / "rfm_segments.csv"


@cache
def segments() -> dict[str, str]:
    with _SEGMENTS_FILE.open(encoding="utf-8", newline="") as file:
        return {row["rfm"]: row["segment"] for row in csv.DictReader(file)}


@dataclass
class Order:
    """An accepted order. `rate` and `digits` convert its refunds as they did its amount."""

    order_id: str
    arrival: int
    placed_at_ms: int
    amount: Fraction
    currency: str
    rate: Fraction
    digits: int
    payment: str | None = None
    cancelled: bool = False
    refunds: dict[str, Fraction] = field(default_factory=dict)
    left_window: bool = False
    merged: bool = False
    counted_when_frozen: bool = False
    just_came_to_count: bool = False  # by the event applied last to it
    points: Any = None  # a tests.oracle.points.OrderPoints

    @property
    def frozen(self) -> bool:
        return self.left_window or self.merged

    @cached_property
    def amount_minor(self) -> int:
        return to_minor(self.amount, self.rate, self.digits)

    @property
    def refunded_minor(self) -> int:
        if not self.refunds:
            return 0
        refunds = sum(self.refunds.values(), Fraction(0))
        return min(to_minor(refunds, self.rate, self.digits), self.amount_minor)

    def counts(self, policy: Policy) -> bool:
        if self.frozen:
            return self.counted_when_frozen
        if self.cancelled or self.payment == "failed":
            return False
        if policy.paid_only and self.payment != "paid":
            return False
        fully_refunded = self.refunded_minor > 0 and self.refunded_minor >= self.amount_minor
        return not fully_refunded


def freeze(order: Order, policy: Policy, *, merged: bool) -> None:
    """Lets no change reach an order any more."""
    order.counted_when_frozen = order.counts(policy)
    order.left_window = order.left_window or not merged
    order.merged = order.merged or merged


@dataclass(frozen=True)
class Counted:
    """A counted order as the figures see it; `in_reach` until it has left the window for good."""

    order_id: str
    at_ms: int
    day: date
    value_minor: int
    in_reach: bool
    merged: bool


def counted_orders(orders: list[Order], policy: Policy) -> list[Counted]:
    """The counted orders ever, by order time, then arrival."""
    return [
        Counted(
            order_id=order.order_id,
            at_ms=order.placed_at_ms,
            day=business_day(order.placed_at_ms, policy.timezone),
            value_minor=order.amount_minor - order.refunded_minor,
            in_reach=not order.left_window,
            merged=order.merged,
        )
        for order in sorted(orders, key=lambda order: (order.placed_at_ms, order.arrival))
        if order.counts(policy)
    ]


def has_left_window(day: date, today: date, policy: Policy) -> bool:
    return day <= today - timedelta(days=policy.window_days)


def is_in_window(day: date, today: date, policy: Policy) -> bool:
    return day <= today and not has_left_window(day, today, policy)


@dataclass(frozen=True)
class Figures:
    """The figures of a customer with at least one counted order ever."""

    recency_days: int
    frequency: int
    monetary_minor: int
    r: int
    f: int
    m: int
    score: int
    segment: str

    def measure(self, name: str) -> int:
        value = self.monetary_minor if name == "monetary" else getattr(self, name)
        assert isinstance(value, int)
        return value

    def shown(self, policy: Policy) -> dict[str, Any]:
        return {
            "recency_days": self.recency_days,
            "frequency": self.frequency,
            "monetary": money_text(self.monetary_minor, policy.digits),
            "r": self.r,
            "f": self.f,
            "m": self.m,
            "score": self.score,
            "segment": self.segment,
        }


@cache
def score_of(r: int, f: int, m: int, weights: tuple[Fraction, Fraction, Fraction]) -> int:
    weight_r, weight_f, weight_m = weights
    weighted = weight_r * (r - 1) + weight_f * (f - 1) + weight_m * (m - 1)
    return math.floor(100 * weighted / (4 * (weight_r + weight_f + weight_m)))


def figures_on(counted: list[Counted], today: date, policy: Policy) -> Figures | None:
    """The figures on a business day; None for a prospect."""
    if not counted:
        return None
    recency_days = (today - max(order.day for order in counted)).days
    within = [o for o in counted if o.in_reach and is_in_window(o.day, today, policy)]
    frequency = len(within)
    monetary_minor = sum(order.value_minor for order in within)
    r = 5 - sum(recency_days > cutoff for cutoff in policy.recency_cutoffs)
    f = 1 + sum(frequency >= cutoff for cutoff in policy.frequency_cutoffs)
    m = 1 + sum(monetary_minor >= cutoff for cutoff in policy.monetary_cutoffs_minor)
    score = score_of(r, f, m, policy.weights)
    return Figures(
        recency_days, frequency, monetary_minor, r, f, m, score, segments()[f"{r}{f}{m}"]
    )
