"""Orders and the figures they make, recomputed from the whole list each time."""

import copy
import csv
import math
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from tests.oracle.grades import NO_GRADES, Grades
from tests.oracle.money import digits_of, money_text, rounded, to_minor
from tests.oracle.policy import MONEY, Policy
from tests.oracle.times import business_day

MOST_ORDERS_IN_WINDOW = 2_048
_SEGMENTS_FILE = Path(__file__).parents[2] / "scoring" / "rfm_segments.csv"


@cache
def segments() -> dict[str, str]:
    with _SEGMENTS_FILE.open(encoding="utf-8", newline="") as file:
        return {row["rfm"]: row["segment"] for row in csv.DictReader(file)}


@dataclass(frozen=True)
class Change:
    """A change to an order: `kind` is the type of its event.

    `place` says which of two came later in the log. `currency` is the one that was told. A payment
    `as_status` is what a `payment_status` says when the order is placed.
    """

    kind: str
    order_id: str
    at_ms: int
    place: int
    refund_id: str = ""
    amount: Fraction = Fraction(0)
    currency: str | None = None
    as_status: bool = False


@dataclass
class Order:
    """An accepted order, with all that was told of it.

    `rate` and `digits` convert its refunds as they did its amount; `shares` are base minor units
    that returns took from it; `is_spent` says that it is fully refunded, by the log.
    """

    order_id: str
    arrival: int
    placed_at_ms: int
    placed_amount: Fraction
    currency: str
    rate: Fraction
    digits: int
    payment: str | None = None
    payments: list[Change] = field(default_factory=list)
    cancellations: list[Change] = field(default_factory=list)
    edits: list[Change] = field(default_factory=list)
    refunds: dict[str, Fraction] = field(default_factory=dict)
    refunds_cancelled: set[str] = field(default_factory=set)
    shares: int = 0
    is_spent: bool = False
    left_window: bool = False
    merged: bool = False
    counted_when_frozen: bool = False
    just_came_to_count: bool = False  # by the event applied last to it
    points: Any = None  # a tests.oracle.points.OrderPoints
    amount_minor: int = field(init=False)
    all_refunds_minor: int = field(init=False)

    def __post_init__(self) -> None:
        self.settle()

    @property
    def frozen(self) -> bool:
        return self.left_window or self.merged

    @property
    def amount(self) -> Fraction:
        """As the newest edit says, of equal ones the later in the log."""
        newest = max(self.edits, key=lambda edit: (edit.at_ms, edit.place), default=None)
        return self.placed_amount if newest is None else newest.amount

    @property
    def has_refund(self) -> bool:
        return self.all_refunds_minor > 0

    @property
    def refunded_minor(self) -> int:
        return min(self.all_refunds_minor, self.amount_minor)

    @property
    def value_minor(self) -> int:
        return self.amount_minor - self.refunded_minor

    @property
    def cancelled(self) -> bool:
        """Whether a cancellation stands that no payment revives."""
        return any(
            not any(_revives(payment, each) for payment in self.payments)
            for each in self.cancellations
        )

    def settle(self) -> None:
        """Adds up anew, after each change in turn, and looks whether it is fully refunded."""
        digits = digits_of(self.currency)
        standing = [
            rounded(amount, digits)
            for each, amount in self.refunds.items()
            if each not in self.refunds_cancelled
        ]
        refunds = to_minor(sum(standing, Fraction(0)), self.rate, self.digits) + self.shares
        amount = to_minor(self.amount, self.rate, self.digits)
        self.amount_minor, self.all_refunds_minor = amount, refunds
        if refunds == 0 or amount > refunds:
            self.is_spent = False
        elif amount > 0:
            self.is_spent = True

    def take(self, change: Change) -> bool:
        """Applies a change; returns whether it has an effect, being of the order's currency."""
        if change.currency not in (None, self.currency):
            return False
        match change.kind:
            case "order.paid":
                self.payment = "paid"
                self.payments.append(change)
            case "order.payment_failed":
                self.payment = "failed"
            case "order.cancelled":
                self.cancellations.append(change)
            case "order.updated":
                amount = rounded(change.amount, digits_of(self.currency))
                self.edits.append(replace(change, amount=amount))
            case "order.refunded":
                self.refunds[change.refund_id] = change.amount
            case "order.refund_cancelled":
                self.refunds_cancelled.add(change.refund_id)
        self.settle()
        return True

    def is_news(self, change: Change) -> bool:
        """Whether a payment would change if the order is paid, failed or cancelled."""
        after = copy.deepcopy(self)
        after.take(change)
        return (after.payment, after.cancelled) != (self.payment, self.cancelled)

    def counts(self, policy: Policy) -> bool:
        if self.frozen:
            return self.counted_when_frozen
        if self.cancelled or self.payment == "failed":
            return False
        if policy.paid_only and self.payment != "paid":
            return False
        return not self.is_spent


def _revives(payment: Change, cancellation: Change) -> bool:
    """Whether a payment is not older; one as a status only counts against what came later."""
    if payment.as_status and cancellation.place <= payment.place:
        return False
    newer = (cancellation.at_ms, cancellation.place)
    return (payment.at_ms, payment.place) > newer


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
            value_minor=order.value_minor,
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
    orders_ever: int
    spend_ever_minor: int
    grades: Grades = NO_GRADES

    def measure(self, name: str) -> int:
        value = getattr(self, f"{name}_minor" if name in MONEY else name)
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
            **({"dimensions": self.grades.digits} if policy.dimensions else {}),
        }


@cache
def score_of(digits: tuple[int, ...], weights: tuple[Fraction, ...]) -> int:
    weighted = sum(weight * (digit - 1) for digit, weight in zip(digits, weights, strict=True))
    return math.floor(100 * weighted / (4 * sum(weights)))


@dataclass(frozen=True)
class Basis:
    """What a customer is graded by: the counted orders ever, and what is known beside them."""

    orders: list[Counted]
    grades: Grades = NO_GRADES

    def plus(self, orders: list[Counted]) -> "Basis":
        return replace(self, orders=[*self.orders, *orders])


def figures_on(basis: Basis, today: date, policy: Policy) -> Figures | None:
    """The figures on a business day; None for a prospect."""
    counted, grades = basis.orders, basis.grades
    if not counted:
        return None
    recency_days = (today - max(order.day for order in counted)).days
    within = [o for o in counted if o.in_reach and is_in_window(o.day, today, policy)]
    frequency = len(within)
    monetary_minor = sum(order.value_minor for order in within)
    r = 5 - sum(recency_days > cutoff for cutoff in policy.recency_cutoffs)
    f = 1 + sum(frequency >= cutoff for cutoff in policy.frequency_cutoffs)
    m = 1 + sum(monetary_minor >= cutoff for cutoff in policy.monetary_cutoffs_minor)
    weights = [Fraction(each["weight"]) for each in policy.dimensions]
    digits = [grades.digits[each["name"]] for each in policy.dimensions]
    score = score_of((r, f, m, *digits), (*policy.weights, *weights))
    return Figures(
        recency_days,
        frequency,
        monetary_minor,
        r,
        f,
        m,
        score,
        segments()[f"{r}{f}{m}"],
        len(counted),
        sum(order.value_minor for order in counted),
        grades,
    )
