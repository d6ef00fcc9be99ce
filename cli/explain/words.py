"""Measures, times, conditions and due instants as text."""

from __future__ import annotations

from handlers.explain.model import ConditionHeld, DueReason, Measured
from handlers.outputs import CrossedView
from scoring.money import grouped_thousands
from scoring.rules import MONEY

MEASURES = {
    "recency_days": "days since the last order",
    "frequency": "orders",
    "monetary": "value",
    "r": "R",
    "f": "F",
    "m": "M",
    "score": "score",
    "orders_ever": "orders ever",
    "spend_ever": "spend ever",
}
_CONSENT = {None: "never told", True: "yes", False: "no"}


def plain(text: str) -> str:
    """Text from outside, with control characters escaped so that no terminal acts on them."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def time_words(instant: str | None) -> str:
    """RFC 3339 in UTC as `2026-01-01 12:00:00`, with milliseconds only where there are some."""
    if instant is None:
        return "never"
    return instant.replace("T", " ").removesuffix("Z").removesuffix(".000")


def days_words(days: float) -> str:
    """Days without needless decimals."""
    return f"{days:g} days" if days != 1 else "1 day"


def yes_no(answer: bool | None) -> str:
    """A consent as a word."""
    return _CONSENT[answer]


def short(cutoff: Measured) -> str:
    """A cut-off without needless decimals: `400.00` is `400`."""
    text = str(cutoff)
    return text.rstrip("0").removesuffix(".") if "." in text else text


def measured(measure: str, value: Measured | None, currency: str) -> str:
    """A value of a measure, money with its currency."""
    if value is None:
        return "none"
    if measure in MONEY:
        return f"{grouped_thousands(str(value))} {currency}"
    return f"{value:,}" if isinstance(value, int) else value


def condition_words(condition: ConditionHeld, currency: str) -> tuple[str, str, str]:
    """Such as `score ≥ 70`, `is 66`, `4 short`."""
    measure = condition.measure
    sign = "≤" if condition.comparison == "at_most" else "≥"
    asked = f"{MEASURES[measure]} {sign} {measured(measure, condition.required, currency)}"
    if condition.found is None or condition.margin is None:
        return asked, "has none", ""
    found = f"is {measured(measure, condition.found, currency)}"
    by = str(condition.margin)
    amount = measured(
        measure,
        by.removeprefix("-") if measure in MONEY else abs(int(by)),
        currency,
    )
    if condition.holds:
        return asked, found, f"by {amount}"
    return asked, found, f"{amount} too many" if sign == "≤" else f"{amount} short"


def crossed_words(crossed: CrossedView, currency: str) -> str:
    """Such as `score went from 75 to 66, past 70, on 2025-03-04`."""
    measure = crossed.measure
    before, after, cutoff = (
        measured(measure, value, currency)
        for value in (crossed.before, crossed.after, crossed.cutoff)
    )
    return (
        f"{MEASURES[measure]} went from {before} to {after}, past {cutoff}, "
        f"on {time_words(crossed.at)}"
    )


def due_words(reason: DueReason) -> str:
    """What happens at a due instant."""
    subject = plain(str(reason.subject))
    return {
        "order_leaves": f"order {subject} leaves the window",
        "merged_leave": f"the merged orders of {subject} leave the window",
        "recency_passes": f"more than {subject} days since the last order",
        "grace_ends": "the grace ends",
        "hold_ends": "the hold after the last rise ends",
        "override_ends": f"the tier by hand, {subject}, ends",
        "approval_ends": "the tier by hand that waits for approval is over",
        "reminder": f"reminder: {subject if ' ' in subject else subject.replace('_', ' ')}",
        "points_expire": f"{subject} points expire",
        "tags_change": "tags are looked at",
        "level": f"becomes {subject.replace('_', ' ')}",
    }[reason.kind]
