"""Checks that depend on the policy: amounts and currencies; and values out of range.

The engine checks them by the policy in force at the event's offset in the log (`check_values`).
Ingest refuses nothing for them, but its breaker counts what the engine will probably refuse
(`precheck`). Neither looks at what depends on the customer's state (`conflict`, `erased_customer`).
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import UNSET

from handlers import reasons
from handlers.decode.amounts import (
    OWN_CURRENCY_SINCE,
    AmountFault,
    check_alone,
    is_of_some_currency,
    minor_of,
)
from handlers.decode.attributes import ATTRIBUTES_SINCE
from handlers.decode.fields import readable_id
from handlers.decode.raw_event import RawEvent
from handlers.decode.schema import Money, Schema
from handlers.events import (
    CHURN,
    SCHEMA,
    ConsentChanged,
    Event,
    ProfileUpdated,
    SurveyAnswered,
    TierOverridden,
)
from handlers.reasons import (
    INVALID_AMOUNT,
    INVALID_VALUE,
    MISSING_FIELD,
    UNKNOWN_CURRENCY,
    Rejection,
)
from handlers.state.formats import NEWEST
from scoring.money import CURRENCY_DIGITS, MAX_MINOR_UNITS, Amount, amount_of, minor_units
from scoring.rules import Rules

_CONSENT_SINCE = 3
"""The format that first knows consent by channel and purpose."""
_CHURN_SINCE = 3
# Amounts within the limit, whatever their digits are: at most twelve in minor units.
_PLAIN = {
    digits: re.compile(
        f"[0-9]{{1,{12 - digits}}}" + (f"(?:\\.[0-9]{{1,{digits}}})?" if digits else ""), re.ASCII
    ).fullmatch
    for digits in set(CURRENCY_DIGITS.values())
}


def precheck(raw: RawEvent, rules: Rules) -> str | None:
    """The reason for which the engine would refuse an event under these rules; None if for none."""
    declared = raw.declared
    money = declared.money
    if money is not None:
        amount = getattr(raw, money.amount)
        currency: Any = None if money.currency is None else getattr(raw, money.currency)
        if money.of_order:
            if rules.format < OWN_CURRENCY_SINCE:
                currency = None
            elif currency is None:
                if raw.order_id is not None:  # type: ignore[attr-defined]
                    return None if is_of_some_currency(amount_of(amount)) else INVALID_AMOUNT
                currency = rules.base_currency
        known = currency in rules.rates
        digits = CURRENCY_DIGITS[currency] if known else rules.base_digits
        most = rules.most_minor[currency] if known else MAX_MINOR_UNITS
        is_plain = type(amount) is str and _PLAIN[digits](amount) is not None
        if amount is None:
            if not rules.amounts_optional:
                return MISSING_FIELD
        elif (not is_plain or most < MAX_MINOR_UNITS) and not _is_amount(amount, digits, most):
            return INVALID_AMOUNT
        if not known and currency is not None:
            return UNKNOWN_CURRENCY
    rule = declared.rule
    return INVALID_VALUE if rule is not None and rule(raw) is not None else None


def check_values(event: Event, rules: Rules, schema: Schema = SCHEMA) -> Rejection | None:
    """The first reason why a well-formed event cannot be used; sets its minor units otherwise.

    The decimals of an amount in a currency without a rate, and of one without a currency of its
    own, are checked against the base currency.
    """
    declared = schema[event.type]
    if declared.since > rules.format:
        return Rejection(
            reasons.UNKNOWN_TYPE,
            f"{event.type} is known from format {declared.since} on, docs/formats.md",
            readable_id(event.event_id),
        )
    money = declared.money
    if money is not None:
        rejection = _check_money(event, money, rules)
        if rejection is not None:
            return rejection
    if type(event) is TierOverridden:
        rejection = _check_who(event, rules)
        if rejection is not None:
            return rejection
    if rules.format < NEWEST:
        rejection = _check_as_before(event, rules.format)
        if rejection is not None:
            return rejection
    if event.fault is not None:
        return Rejection(reasons.INVALID_VALUE, event.fault, readable_id(event.event_id))
    if declared.tier is not None:
        return _check_tier(event, declared.tier, rules)
    return None


def _check_who(event: TierOverridden, rules: Rules) -> Rejection | None:
    """Whether a tier by hand that must be approved says by whom it is."""
    if not rules.override_needs_approval or event.tier is None or event.by:
        return None
    detail = "by is missing: the policy asks for approval by somebody else"
    return Rejection(reasons.MISSING_FIELD, detail, readable_id(event.event_id))


def _check_as_before(event: Event, number: int) -> Rejection | None:
    """Why a partition of an older format refuses what a newer one takes."""
    before: tuple[str, str] | None = None
    if type(event) is ConsentChanged and number < _CONSENT_SINCE:
        if event.marketing is None:
            detail = f"marketing is missing; only format {_CONSENT_SINCE} knows the others"
            before = reasons.MISSING_FIELD, detail
        event.channels = event.purposes = None
    elif type(event) is SurveyAnswered and event.survey == CHURN and number < _CHURN_SINCE:
        detail = f"survey {CHURN} is known from format {_CHURN_SINCE} on, docs/formats.md"
        before = INVALID_VALUE, detail
    elif type(event) is ProfileUpdated and number < ATTRIBUTES_SINCE:
        before = event.attributes.fault_before
    return None if before is None else Rejection(*before, readable_id(event.event_id))


def _check_tier(event: Event, field: str, rules: Rules) -> Rejection | None:
    """Why a tier that an event names is none of the policy; null names none."""
    name = getattr(event, field)
    if name is None or rules.rank.get(name, rules.prospect_rank) < rules.prospect_rank:
        return None
    known = ", ".join(tier.name for tier in rules.tiers)
    detail = f"{field} {name[:64]!r} is no tier of the policy, which has {known}"
    return Rejection(reasons.INVALID_VALUE, detail, readable_id(event.event_id))


def _check_money(event: Any, money: Money, rules: Rules) -> Rejection | None:
    amount = getattr(event, money.amount)
    if amount is UNSET:
        if not rules.amounts_optional:
            detail = f"{money.amount} is missing"
            return Rejection(MISSING_FIELD, detail, readable_id(event.event_id))
        amount = Amount(0, 0)
    try:
        if money.of_order:
            check_alone(event, rules)
        else:
            currency = None if money.currency is None else getattr(event, money.currency)
            minor = minor_of(event, amount, currency, rules, money.amount)
            setattr(event, money.into, minor)
    except AmountFault as fault:
        return fault.rejection
    return None


def _is_amount(value: str | int, digits: int, most: int) -> bool:
    amount = amount_of(value)
    minor = None if amount is None else minor_units(amount, digits)
    return minor is not None and minor <= most
