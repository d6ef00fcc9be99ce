"""The attributes of a customer: how an update changes them, and what of it is refused."""

from __future__ import annotations

from handlers import outputs
from handlers.context import Context
from handlers.decode.attributes import ATTRIBUTES_SINCE, MAX_ATTRIBUTES
from handlers.effects import AppliedEvent
from handlers.events import ProfileUpdated
from handlers.outputs import AttributesRefused
from handlers.profile.birth_date import (
    BIRTH_CALENDAR,
    BIRTH_DATE,
    LUNAR,
    is_birth_date,
    keeps_lunar,
)
from handlers.state.customer import Customer
from scoring.rules import Rules

_NO_DATE = "must be a date such as 1990-12-31"
_NO_LUNAR_DATE = "must be a date of the Chinese calendar from 1901 to 2099, such as 1990-08-15"

KNOWN_NAMES = (
    "birth_date",
    "gender",
    "region",
    "city_tier",
    "occupation",
    "registered_at",
    "name",
    "email",
    "phone",
)
"""The attributes with a name of their own. The view stores places in this list: append only."""
OTHER_NAME = "other"
"""Stands in a metric for every further name."""

Known = dict[str, tuple[str, int]]
"""Value and time of each attribute, those set last at the end."""


def profile_updated(customer: Customer, event: ProfileUpdated) -> None:
    """Set attributes, each by its newest `occurred_at`; an empty text takes one away."""
    known, at_ms = customer.attributes, event.occurred_ms
    told = event.attributes.values
    is_lunar = BIRTH_DATE in told and _becomes_lunar(known, told, at_ms)
    for name, value in told.items():
        if name == BIRTH_DATE and not is_birth_date(value, is_lunar=is_lunar):
            continue
        if name not in known or at_ms >= known[name][1]:
            known.pop(name, None)
            known[name] = value, at_ms


def _becomes_lunar(known: Known, told: dict[str, str], at_ms: int) -> bool:
    """Whether birth dates are of the Chinese calendar after an update at a time."""
    value, set_ms = known.get(BIRTH_CALENDAR, ("", at_ms))
    return (told.get(BIRTH_CALENDAR, value) if at_ms >= set_ms else value) == LUNAR


def keep_newest(known: Known, rules: Rules) -> None:
    """Keep 64 attributes that have a value, and 64 that were taken away.

    Of more the oldest by `occurred_at` go (equal: those set earlier), never one that the policy
    names. Before format 3 there are 64 of both together, and those that were set first go.
    """
    if len(known) <= MAX_ATTRIBUTES:
        return
    if rules.format < ATTRIBUTES_SINCE:
        for name in list(known)[: len(known) - MAX_ATTRIBUTES]:
            del known[name]
        return
    for has_value in (True, False):
        names = [name for name, (value, _) in known.items() if bool(value) is has_value]
        too_many = len(names) - MAX_ATTRIBUTES
        if too_many > 0:
            free = (name for name in names if name not in rules.attribute_names)
            for name in sorted(free, key=lambda name: known[name][1])[:too_many]:
                del known[name]


def tell_refused(context: Context, customer: Customer, applied: AppliedEvent) -> None:
    """Name the attributes of an update that cannot be used."""
    event = applied.event
    assert type(event) is ProfileUpdated
    refused = dict(event.attributes.refused)
    is_lunar = keeps_lunar(customer)
    if not is_birth_date(event.attributes.values.get(BIRTH_DATE, ""), is_lunar=is_lunar):
        refused[BIRTH_DATE] = _NO_LUNAR_DATE if is_lunar else _NO_DATE
    if not refused:
        return
    for name in refused:
        known = name if name in KNOWN_NAMES else OTHER_NAME
        context.count(context.tally.refused_attributes, known)
    if event.attributes.not_named:
        context.count(context.tally.refused_attributes, OTHER_NAME, event.attributes.not_named)
    data = AttributesRefused(
        **context.head(customer, applied.now_ms, applied.cause.reason),
        caused_by=list(applied.cause.event_ids),
        refused=refused,
    )
    topic, kind = outputs.PROFILE_CHANGES, outputs.ATTRIBUTES_REFUSED
    context.emit(topic, kind, customer, applied.cause.key, applied.now_ms, data)
