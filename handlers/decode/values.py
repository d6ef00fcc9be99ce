"""The checks that need a policy: amounts in the currency's units, currencies, then values."""

from __future__ import annotations

from handlers import reasons
from handlers.events import Event, OrderPlaced, OrderRefunded
from handlers.reasons import Rejection
from scoring.money import CURRENCY_DIGITS, minor_units
from scoring.rules import Rules


def check_values(event: Event, rules: Rules) -> Rejection | None:
    """The first reason why a well-formed event cannot be used; sets its minor units otherwise.

    The decimals of an amount in a currency without a rate, and those of a refund, are checked
    against the base currency.
    """
    if type(event) is OrderPlaced:
        known = event.currency in rules.rates
        digits = CURRENCY_DIGITS[event.currency] if known else rules.base_digits
        minor = None if event.amount is None else minor_units(event.amount, digits)
        if minor is None:
            return _invalid_amount(event, digits)
        if not known:
            return Rejection(
                reasons.UNKNOWN_CURRENCY,
                f"the policy has no rate for {event.currency[:16]!r}",
                readable_id(event),
            )
        event.amount_minor = minor
    elif type(event) is OrderRefunded:
        digits = rules.base_digits
        minor = None if event.amount is None else minor_units(event.amount, digits)
        if minor is None:
            return _invalid_amount(event, digits)
        event.refund_units = minor
    if event.fault is not None:
        return Rejection(reasons.INVALID_VALUE, event.fault, readable_id(event))
    return None


def readable_id(event: Event) -> str | None:
    """The event id as a dead letter names it: none if it is too long."""
    return event.event_id if len(event.event_id) <= 128 else None


def _invalid_amount(event: Event, digits: int) -> Rejection:
    return Rejection(
        reasons.INVALID_AMOUNT,
        f"amount must be a plain decimal from 0, with at most {digits} decimals",
        readable_id(event),
    )
