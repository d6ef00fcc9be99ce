"""Measures, times, conditions and due instants as text."""

from __future__ import annotations

from handlers.explain.model import ConditionHeld, DimensionWhy, DueReason, Measured
from handlers.outputs import CrossedView
from scoring.grading import ATTRIBUTES, Said
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
_OPERATORS = {
    "min": "at least",
    "max": "at most",
    "at_least": "at least",
    "at_most": "at most",
    "in": "one of",
    "not_in": "none of",
    "present": "is known",
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
    if measure.startswith(ATTRIBUTES):
        return _attribute_words(condition)
    sign = "≤" if condition.comparison == "at_most" else "≥"
    assert not isinstance(condition.required, list)
    asked = f"{measure_words(measure)} {sign} {measured(measure, condition.required, currency)}"
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
    measure, cutoff = crossed.measure, crossed.cutoff
    before, after = (
        plain(measured(measure, value, currency)) for value in (crossed.before, crossed.after)
    )
    past = said_words(cutoff) if isinstance(cutoff, dict) else measured(measure, cutoff, currency)
    return (
        f"{measure_words(measure)} went from {before} to {after}, past {past}, "
        f"on {time_words(crossed.at)}"
    )


def measure_words(measure: str) -> str:
    """A measure by its name; attributes and dimensions have names of the policy's own."""
    if measure in MEASURES:
        return MEASURES[measure]
    kind, _, name = measure.partition(".")
    return f"{kind.removesuffix('s')} {plain(name)}"


def dimension_words(why: DimensionWhy) -> tuple[str, str]:
    """What a digit of a dimension follows from, such as `credit: A` and `by its value`."""
    of = f"mean of {why.answers} answers" if why.attribute is None else plain(why.attribute)
    found = f"{of}: {'none' if why.found is None else plain(why.found)}"
    if why.is_default:
        return found, "the default"
    if why.values:
        return found, "by its value"
    return found, f"cut-offs {' '.join(why.cutoffs)}: {why.result - 1} reached"


def said_words(said: Said) -> str:
    """A condition on an attribute, such as `at least 500000, one of A, B`."""
    return ", ".join(_asked(operator, value) for operator, value in said.items())


def _asked(operator: str, value: str | bool | list[str]) -> str:
    if isinstance(value, bool):
        return _OPERATORS[operator]
    text = value if isinstance(value, str) else ", ".join(value)
    return f"{_OPERATORS[operator]} {plain(text)}"


def _attribute_words(condition: ConditionHeld) -> tuple[str, str, str]:
    """Such as `attribute credit one of A, B`, `is C`."""
    required = condition.required
    value = required if isinstance(required, list) else str(required)
    asked = _asked(condition.comparison, required is None or value)
    found = "has none" if condition.found is None else f"is {plain(str(condition.found))}"
    return f"{measure_words(condition.measure)} {asked}", found, ""


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
