"""The amount of an event in minor units, by the policy and by the order it is about.

The amount of a refund or an edit is in the currency of its order, which may not have come yet. Then
the amount may have four decimals, as many as any currency has.
"""

from __future__ import annotations

from handlers import reasons
from handlers.decode.fields import readable_id
from handlers.decode.found import shown, value_in
from handlers.events import Event, OrderRefunded, OrderUpdated
from handlers.reasons import Rejection
from scoring.money import CURRENCY_DIGITS, MAX_MINOR_UNITS, Amount, amount_of, minor_units
from scoring.orders.changing import in_base
from scoring.orders.order import Order, currency_of
from scoring.rules import Rules

_ANY_DIGITS = max(CURRENCY_DIGITS.values())
OWN_CURRENCY_SINCE = 3
"""The format from which on refunds have decimals and currency of their order."""


def minor_of(
    event: Event, amount: Amount | None, currency: str | None, rules: Rules, name: str = "amount"
) -> int:
    """An amount in minor units of its currency, or of the base currency (None).

    The decimals of an amount in a currency without a rate are checked against the base currency.

    Raises:
        AmountFault: it cannot be used.
    """
    known = currency in rules.rates
    digits = CURRENCY_DIGITS[currency] if currency is not None and known else rules.base_digits
    minor = None if amount is None else minor_units(amount, digits)
    if minor is None:
        detail = f"{name} must be a plain decimal from 0, with at most {digits} decimals"
        if amount is not None and amount.units >= 0 and amount.scale <= digits:
            detail = f"{name} is over 10^12 minor units"
        raise AmountFault(reasons.INVALID_AMOUNT, detail, event)
    if currency is None:
        return minor
    if not known:
        detail = (
            f"currency: the policy has no rate for {shown(currency)}, it counts in "
            f"{rules.base_currency}"
        )
        raise AmountFault(reasons.UNKNOWN_CURRENCY, detail, event)
    if minor > rules.most_minor[currency]:
        raise AmountFault(reasons.INVALID_AMOUNT, _over_in_base(name, rules), event)
    return minor


class AmountFault(Exception):
    """An amount that cannot be used, with the dead letter's reason."""

    def __init__(self, reason: str, detail: str, event: Event) -> None:
        if reason == reasons.INVALID_AMOUNT:
            detail += _found(event)
        super().__init__(detail)
        self.rejection = Rejection(reason, detail, readable_id(event.event_id))


def _found(event: Event) -> str:
    """The amount that stands in the record of an event, for the end of a sentence."""
    content = event.content
    found = value_in(content.record, content.headers, "amount")
    if found is None:
        return ""
    plain = type(found) is not str or amount_of(found) is not None
    return f", got {shown(found)}" + ("" if plain else ", which is no plain decimal")


def check_alone(event: OrderRefunded | OrderUpdated, rules: Rules) -> None:
    """Check what can be said of a refund or an edit without its order; sets its minor units.

    Raises:
        AmountFault: its amount cannot be used.
    """
    amount, currency = event.amount, event.currency
    if rules.format < OWN_CURRENCY_SINCE:
        if event.order_id is None:
            raise AmountFault(reasons.MISSING_FIELD, "order_id is missing", event)
        event.amount_minor = minor_of(event, amount, None, rules)
    elif currency is not None or event.order_id is None:
        event.amount_minor = minor_of(event, amount, currency or rules.base_currency, rules)
    elif not is_of_some_currency(amount):
        detail = f"amount must be a plain decimal from 0, with at most {_ANY_DIGITS} decimals"
        raise AmountFault(reasons.INVALID_AMOUNT, detail, event)


def is_of_some_currency(amount: Amount | None) -> bool:
    """Whether there may be a currency that has such an amount."""
    if amount is None or amount.units < 0 or amount.scale > _ANY_DIGITS:
        return False
    return bool(amount.units <= MAX_MINOR_UNITS * 10**amount.scale)


def check_with_order(
    event: OrderRefunded | OrderUpdated, order: Order | None, rules: Rules
) -> None:
    """Check a refund or an edit that names an order against it, or against none that waits.

    Raises:
        AmountFault: it is in another currency, or its amount cannot be used.
    """
    amount = event.amount
    assert amount is not None
    if order is None:
        if amount.units * 10**rules.base_digits > MAX_MINOR_UNITS * 10**amount.scale:
            raise AmountFault(reasons.INVALID_AMOUNT, "amount is over 10^12 minor units", event)
        return
    currency = currency_of(order, rules)
    if event.currency not in (None, currency):
        detail = f"the order is in {currency}, and not in {event.currency}"
        raise AmountFault(reasons.CONFLICT, detail, event)
    minor = minor_units(amount, CURRENCY_DIGITS[currency])
    if minor is None:
        detail = (
            f"amount must have at most {CURRENCY_DIGITS[currency]} decimals, as {currency}, the "
            "currency of the order, has"
        )
        if amount.scale <= CURRENCY_DIGITS[currency]:
            detail = "amount is over 10^12 minor units"
        raise AmountFault(reasons.INVALID_AMOUNT, detail, event)
    most = rules.most_minor.get(currency, MAX_MINOR_UNITS)
    is_over = type(event) is OrderUpdated and in_base(order, minor, rules) > MAX_MINOR_UNITS
    if minor > most or is_over:
        raise AmountFault(reasons.INVALID_AMOUNT, _over_in_base("amount", rules), event)


def _over_in_base(name: str, rules: Rules) -> str:
    return f"{name} is over 10^12 minor units of {rules.base_currency} when converted"
