"""The attributes of a customer: how an update changes them, and what of it is refused."""

from __future__ import annotations

from handlers import outputs
from handlers.context import Context
from handlers.decode.attributes import ATTRIBUTES_SINCE, MAX_ATTRIBUTES
from handlers.effects import AppliedEvent
from handlers.events import ProfileUpdated
from handlers.outputs import AttributesRefused
from handlers.state.customer import Customer
from scoring.rules import Rules
from scoring.timestamps import parse_date

_BIRTH_DATE = "birth_date"
_NO_DATE = "must be a date such as 1990-12-31"

KNOWN_NAMES = frozenset(
    {
        "birth_date",
        "gender",
        "region",
        "city_tier",
        "occupation",
        "registered_at",
        "name",
        "email",
        "phone",
    }
)
OTHER_NAME = "other"
"""Stands in a metric for every further name."""

Known = dict[str, tuple[str, int]]
"""Value and time of each attribute, those set last at the end."""


def profile_updated(customer: Customer, event: ProfileUpdated) -> None:
    """Set attributes, each by its newest `occurred_at`; an empty text takes one away."""
    known, at_ms = customer.attributes, event.occurred_ms
    for name, value in event.attributes.values.items():
        if name == _BIRTH_DATE and not _is_birth_date(value):
            continue
        if name not in known or at_ms >= known[name][1]:
            known.pop(name, None)
            known[name] = value, at_ms


def _is_birth_date(value: str) -> bool:
    return not value or parse_date(value) is not None


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
    if not _is_birth_date(event.attributes.values.get(_BIRTH_DATE, "")):
        refused[_BIRTH_DATE] = _NO_DATE
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
