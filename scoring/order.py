"""One order: its amount, its payment, cancellation and refunds, and whether it counts.

Money is in minor units of the base currency unless a name says otherwise.
"""

from __future__ import annotations

from msgspec import Struct

from scoring.change import CANCEL, FAIL, PAY, Change
from scoring.money import Rate, convert
from scoring.points import Earned
from scoring.refunds import Refunds
from scoring.rules import Rules

PENDING, PAID, FAILED = range(3)
"""Payment status of an order."""


class Foreign(Struct, array_like=True, frozen=True):
    """The amount of an order in another currency, and the rate it was converted at.

    The rate is in major units of the base currency for one major unit.
    """

    currency: str
    amount_minor: int
    rate_numerator: int
    rate_denominator: int


class Order(Struct, array_like=True):
    """An order in the window. `counts` is kept in step by the ledger."""

    order_id: str
    placed_ms: int
    day: int
    amount: int
    payment: int = PENDING
    cancelled: bool = False
    counts: bool = False
    foreign: Foreign | None = None
    refunds: Refunds | None = None
    earned: Earned | None = None
    """The points it gave, under a policy with points."""

    @property
    def value(self) -> int:
        """The amount less refunds, never negative."""
        return self.amount if self.refunds is None else self.amount - self.refunds.value

    @property
    def is_fully_refunded(self) -> bool:
        """Whether there are refunds, of the whole amount; so an order of 0.00 never is."""
        return self.refunds is not None and 0 < self.refunds.value >= self.amount

    def is_same(self, other: Order) -> bool:
        """Whether an order of this id in another ledger has the same amount and currency."""
        own, their = self.foreign, other.foreign
        if own is None or their is None:
            return own is their and self.amount == other.amount
        return (own.currency, own.amount_minor) == (their.currency, their.amount_minor)

    def take_news(self, other: Order) -> None:
        """Take over cancellation, payment, refunds and points from the order's copy elsewhere."""
        self.cancelled = self.cancelled or other.cancelled
        if self.payment == PENDING:
            self.payment = other.payment
        if self.refunds is None:
            self.refunds = other.refunds
        elif other.refunds is not None:
            self.refunds = self.refunds.with_those_of(other.refunds)
        if self.refunds is not None:
            self.refunds.value = _refund_value(self, self.refunds.units)
        if self.earned is None:
            self.earned, other.earned = other.earned, None


def counts(order: Order, rules: Rules) -> bool:
    """Placed (or paid, if the policy says so), not cancelled, not failed, not fully refunded."""
    if order.cancelled or order.payment == FAILED:
        return False
    if rules.counts_when_paid and order.payment != PAID:
        return False
    return not order.is_fully_refunded


def apply_change(order: Order, change: Change) -> None:
    """Apply a change to its order; the ledger then decides whether the order counts."""
    if change.kind == PAY:
        order.payment = PAID
    elif change.kind == FAIL:
        order.payment = FAILED
    elif change.kind == CANCEL:
        order.cancelled = True
    else:
        _refund(order, change)


def _refund(order: Order, change: Change) -> None:
    refunds = order.refunds
    if refunds is None:
        refunds = order.refunds = Refunds(b"", 0, 0)
    refunds.remember(change.refund_id, change.refund_units)
    refunds.units += change.refund_units
    refunds.value = _refund_value(order, refunds.units)


def _refund_value(order: Order, units: int) -> int:
    """A sum of refunds in the base currency, at most the amount of the order."""
    foreign = order.foreign
    if foreign is not None:
        units = convert(units, Rate(foreign.rate_numerator, foreign.rate_denominator))
    return min(units, order.amount)
