"""A cheap look at what only the engine may refuse: amounts, currencies and values.

The engine judges them by the policy in force at their place in the log. Here the breaker is told
what it will probably say, so nothing is refused by it. What depends on a customer's past
(`conflict`, `erased_customer`) is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from handlers import reasons
from handlers.decode.fast_schema import TYPE_NAMES, Answered, Placed, Refunded, Wire
from handlers.events import Event, OrderPlaced, OrderRefunded
from handlers.reasons import INVALID_AMOUNT, INVALID_VALUE, UNKNOWN_CURRENCY, Rejection
from scoring.money import CURRENCY_DIGITS, amount_of, minor_units
from scoring.rules import Rules

_SCORES = {"csat": range(1, 6), "nps": range(11)}

# Amounts that are right whatever their digits are: at most twelve in minor units.
_PLAIN = {
    digits: re.compile(
        f"[0-9]{{1,{12 - digits}}}" + (f"(?:\\.[0-9]{{1,{digits}}})?" if digits else ""), re.ASCII
    ).fullmatch
    for digits in set(CURRENCY_DIGITS.values())
}


def doubt(wire: Wire, rules: Rules) -> str | None:
    """The reason for which the engine would refuse an event under these rules; None if for none."""
    look = _LOOKS.get(type(wire))
    return None if look is None else look(wire, rules)


def _is_amount(value: str | int, digits: int) -> bool:
    if type(value) is str and _PLAIN[digits](value) is not None:
        return True
    amount = amount_of(value)
    return amount is not None and minor_units(amount, digits) is not None


def _placed(wire: Placed, rules: Rules) -> str | None:
    known = wire.currency in rules.rates
    digits = CURRENCY_DIGITS[wire.currency] if known else rules.base_digits
    if not _is_amount(wire.amount, digits):
        return INVALID_AMOUNT
    return None if known else UNKNOWN_CURRENCY


def _refunded(wire: Refunded, rules: Rules) -> str | None:
    return None if _is_amount(wire.amount, rules.base_digits) else INVALID_AMOUNT


def _answered(wire: Answered, _rules: Rules) -> str | None:
    return None if wire.score in _SCORES[wire.survey] else INVALID_VALUE


_BY_BASE: dict[type[Wire], Callable[[Any, Rules], str | None]] = {
    Placed: _placed,
    Refunded: _refunded,
    Answered: _answered,
}
_LOOKS = {kind: _BY_BASE[kind.__bases__[0]] for kind in TYPE_NAMES if kind.__bases__[0] in _BY_BASE}


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
