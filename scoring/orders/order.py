"""One order: its amount, its payment, cancellation and refunds, and whether it counts.

What changes it is in `scoring.orders.changing`. Money is in minor units of the base currency unless
a name says otherwise.
"""

from __future__ import annotations

from copy import copy
from typing import Annotated

from msgspec import Struct

from scoring.money import CURRENCY_DIGITS, ONE, Rate
from scoring.orders.refunds import Refunds
from scoring.points.terms import Earned
from scoring.rules import Rules
from scoring.since import since

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


class Later(Struct, array_like=True):
    """What came to be known of an order after it was placed."""

    paid_ms: int | None = None
    """When the newest payment occurred; None if it is that of the `payment_status`, or none."""
    cancelled_ms: int | None = None
    """When the newest cancellation occurred of those that no payment was newer than."""
    edited_ms: int | None = None
    """When the edit occurred that holds."""
    placed_minor: int | None = None
    """The amount it was placed with, in its currency, if it was edited since."""
    share: int = 0
    """What returns without an order took of it."""
    stays_refunded: bool = False
    """It was fully refunded when it was edited to zero, so it is no order of zero."""


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
    later: Annotated[Later | None, since(3)] = None
    """None if nothing of it is known."""

    @property
    def value(self) -> int:
        """The amount less refunds, never negative."""
        if self.refunds is None and self.later is None:
            return self.amount
        return self.amount - self.refunded

    @property
    def refunded(self) -> int:
        """Its refunds and its shares of returns, at most the amount."""
        refunded = 0 if self.refunds is None else self.refunds.value
        if self.later is not None:
            refunded += self.later.share
        return min(refunded, self.amount)

    @property
    def has_refunds(self) -> bool:
        """Whether something of it was refunded, or taken by a return."""
        if self.refunds is not None and self.refunds.units > 0:
            return True
        return self.later is not None and self.later.share > 0

    @property
    def is_fully_refunded(self) -> bool:
        """Whether there are refunds, of the whole amount; so an order of 0.00 never is.

        But one that was before it was edited to 0.00 still is.
        """
        if self.refunds is None and self.later is None:
            return False
        if self.later is not None and self.later.stays_refunded:
            return True
        return 0 < self.refunded >= self.amount

    @property
    def amount_minor(self) -> int:
        """The present amount in its own currency."""
        return self.amount if self.foreign is None else self.foreign.amount_minor

    @property
    def rate(self) -> Rate:
        """The rate at which it was converted."""
        foreign = self.foreign
        return ONE if foreign is None else Rate(foreign.rate_numerator, foreign.rate_denominator)

    @property
    def newest_payment_ms(self) -> int | None:
        """When it was paid last: a `payment_status` of `paid` is a payment at the order's time."""
        if self.later is not None and self.later.paid_ms is not None:
            return self.later.paid_ms
        return self.placed_ms if self.payment == PAID else None

    def has_amount(self, minor: int) -> bool:
        """Whether it has this amount in its own currency, or was placed with it."""
        placed = None if self.later is None else self.later.placed_minor
        return minor in (self.amount_minor, placed)

    def is_same(self, other: Order) -> bool:
        """Whether an order of this id in another ledger has the same amount and currency."""
        own, their = self.foreign, other.foreign
        if (own and own.currency) != (their and their.currency):
            return False
        placed = None if other.later is None else other.later.placed_minor
        return self.has_amount(other.amount_minor) or (
            placed is not None and self.has_amount(placed)
        )

    def copied(self) -> Order:
        """An order that changes without this one."""
        found = copy(self)
        if found.refunds is not None:
            found.refunds = copy(found.refunds)
        if found.earned is not None:
            found.earned = copy(found.earned)
        if found.later is not None:
            found.later = copy(found.later)
        return found

    def known_later(self) -> Later:
        """What came to be known of it, to be added to."""
        if self.later is None:
            self.later = Later()
        return self.later


def currency_of(order: Order, rules: Rules) -> str:
    """The currency in which an order was placed."""
    return rules.base_currency if order.foreign is None else order.foreign.currency


def digits_of(order: Order, rules: Rules) -> int:
    """The decimals of an order's currency; before format 3 refunds had those of the base."""
    if order.foreign is None or rules.format < 3:
        return rules.base_digits
    return CURRENCY_DIGITS[order.foreign.currency]


def counts(order: Order, rules: Rules) -> bool:
    """Placed (or paid, if the policy says so), not cancelled, not failed, not fully refunded."""
    if order.cancelled or order.payment == FAILED:
        return False
    if rules.counts_when_paid and order.payment != PAID:
        return False
    return not order.is_fully_refunded
