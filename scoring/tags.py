"""The declared tags, compiled: the kind of each, and which events change its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from scoring.calendar import date_of_day, day_in_year
from scoring.policy import Policy, TagRule

MAX_TAGS = 64
MAX_COUNTED = 16
"""Kinds of events that a policy may count, over all its rules."""

MAX_COUNTED_DAYS = 1_500
"""The sum of the windows over which a policy may count, in days."""

MAX_NAME_BYTES = 64
"""The limit, in UTF-8, of attribute values, categories, channels and activities in tags."""

ORDER_PREFIX = "order."
SUPPORT_PREFIXES = ("ticket.", "survey.")
PROFILE_UPDATED = "profile.updated"
BROWSE = "browse"
"""Stands for all browse events in a list of events."""

_ACTIVITY = "activity.recorded"
_ANSWERED = "survey.answered"
_LEAP_DAY = (3, 1)
"""When a birthday on 29 February counts in common years."""


class Range(NamedTuple):
    """A range of numbers, both ends included; None is no bound."""

    low: int | Fraction | None
    high: int | Fraction | None

    def holds(self, value: int | Fraction) -> bool:
        """Whether a number is in the range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class AttributeTag(NamedTuple):
    """A tag for the value of an attribute; only for `values`, unless that is None."""

    tag: str
    of: str
    values: frozenset[str] | None


class AgeTag(NamedTuple):
    """A tag for an age band; `bands` are the ages at which one begins."""

    tag: str
    bands: tuple[int, ...]


class CountTag(NamedTuple):
    """A tag for the number of events in `days` business days; None for all time."""

    tag: str
    keys: tuple[str, ...]
    days: int | None
    range: Range


class OrdersTag(NamedTuple):
    """A tag for the counted orders of `days` business days, or all; money in minor units."""

    tag: str
    of: str
    days: int
    range: Range


class OrderShareTag(NamedTuple):
    """A tag for the share of orders that are small, refunded or placed at some hours."""

    tag: str
    of: str
    days: int
    range: Range
    min_orders: int
    amount: int
    """In minor units."""
    hours: tuple[int, int]
    """From the first (included) to the second (not), over midnight if that is not later."""


class TopTag(NamedTuple):
    """A tag for each of the heaviest names."""

    tag: str
    of: str
    top: int
    half_life_days: int
    at_least: Fraction
    view_weight: int
    purchase_weight: int


class AnswerTag(NamedTuple):
    """A tag for why the customer left; only for `values`, unless that is None."""

    tag: str
    values: frozenset[str] | None


class MeasureTag(NamedTuple):
    """A tag for a measure of the relationship."""

    tag: str
    of: str
    range: Range


Tag = AttributeTag | AgeTag | CountTag | OrdersTag | OrderShareTag | TopTag | MeasureTag | AnswerTag


class TagRules:
    """All tags of a policy.

    Attributes:
        tags: in the order of the policy.
        timed: those that time alone may change.
        windows: of each event that is counted, the days it is kept; 0 if only "ever" counts.
        category, channel: the rule that weighs them, if there is one.
    """

    def __init__(self, policy: Policy, base_digits: int) -> None:
        self.tags = tuple(_tag(rule, policy, base_digits) for rule in policy.tags or ())
        self.timed = tuple(tag for tag in self.tags if _is_timed(tag))
        self.windows = _windows(self.tags)
        self.category = self._weighed("category")
        self.channel = self._weighed("channel")
        self._touched: dict[str, tuple[Tag, ...]] = {}

    def touched_by(self, event_type: str) -> tuple[Tag, ...]:
        """The tags whose inputs an event of a type may change, apart from its weighted names."""
        found = self._touched.get(event_type)
        if found is None:
            found = tuple(tag for tag in self.tags if _is_touched(tag, event_type))
            self._touched[event_type] = found
        return found

    def _weighed(self, of: str) -> TopTag | None:
        found = [tag for tag in self.tags if type(tag) is TopTag and tag.of == of]
        return found[0] if found else None


def is_usable(name: str) -> bool:
    """Whether a name in an event can become a tag: not empty, and at most `MAX_NAME_BYTES`."""
    return 0 < len(name) <= MAX_NAME_BYTES and len(name.encode()) <= MAX_NAME_BYTES


def count_key(event_type: str, activity: str | None = None) -> str:
    """The key under which an event is counted."""
    return event_type if activity is None else f"{_ACTIVITY}:{activity}"


def age_on(born: date, day: int) -> int | None:
    """Full years of age on a local date; None before birth.

    A birthday on 29 February counts on 1 March in common years.
    """
    today = date_of_day(day)
    had_birthday = (today.month, today.day) >= (born.month, born.day)
    age = today.year - born.year - (not had_birthday)
    return age if age >= 0 else None


def birthday(born: date, age: int) -> int | None:
    """The day number on which an age is reached; None beyond the calendar."""
    if born.year + age > 9998:
        return None
    return day_in_year(born.year + age, born.month, born.day, _LEAP_DAY)


@lru_cache(maxsize=1_024)
def band_of(bands: tuple[int, ...], age: int) -> str:
    """The name of the band an age is in: `under-18`, `18-24`, `60+`."""
    if age < bands[0]:
        return f"under-{bands[0]}"
    above = [band for band in bands if band > age]
    if not above:
        return f"{bands[-1]}+"
    low = max(band for band in bands if band <= age)
    return f"{low}-{above[0] - 1}"


Dated = tuple[int, int, int]
"""A business day, and two amounts that leave the window with it."""


def holds_until(
    dated: Iterable[Dated], days: int, holds: Callable[[int, int], bool]
) -> tuple[bool, int | None]:
    """Whether sums over a rolling window satisfy a condition, and the day on which that changes.

    Args:
        dated: what is in the window, ascending by day; each entry leaves it `days` later.
        holds: the condition on both sums.

    Returns:
        the answer now, and the first day with another answer if nothing more happens; None if
        there is none.
    """
    items = list(dated)
    first, second = sum(item[1] for item in items), sum(item[2] for item in items)
    now = holds(first, second)
    for day, leaving in groupby(items, key=_day_of):
        for _, one, other in leaving:
            first -= one
            second -= other
        if holds(first, second) != now:
            return now, day + days
    return now, None


def _day_of(dated: Dated) -> int:
    return dated[0]


def _tag(rule: TagRule, policy: Policy, base_digits: int) -> Tag:
    of, days = rule.of or "", rule.days
    match rule.kind:
        case "attribute":
            return AttributeTag(rule.tag, of, frozenset(rule.values) if rule.values else None)
        case "age":
            return AgeTag(rule.tag, rule.bands)
        case "count":
            keys = tuple(count_key(event, rule.activity) for event in rule.events)
            return CountTag(rule.tag, keys, days, _range(rule))
        case "orders":
            unit = 1 if of in ("count", "ever") else 10**base_digits
            return OrdersTag(rule.tag, of, days or policy.window_days, _range(rule, unit))
        case "order_share":
            return OrderShareTag(
                rule.tag,
                of,
                days or policy.window_days,
                _range(rule),
                rule.min_orders,
                0 if rule.amount is None else int(Fraction(rule.amount) * 10**base_digits),
                rule.hours or (0, 0),
            )
        case "top":
            return TopTag(
                rule.tag,
                of,
                rule.top,
                rule.half_life_days,
                Fraction(rule.at_least or "0.5"),
                rule.view_weight,
                rule.purchase_weight,
            )
        case "measure":
            return MeasureTag(rule.tag, of, _range(rule))
        case "answer":
            return AnswerTag(rule.tag, frozenset(rule.values) if rule.values else None)


def _range(rule: TagRule, unit: int = 1) -> Range:
    return Range(_bound(rule.at_least, unit), _bound(rule.at_most, unit))


def _bound(text: str | None, unit: int) -> int | Fraction | None:
    """A bound in units; whole numbers as integers, which compare faster."""
    if text is None:
        return None
    bound = Fraction(text) * unit
    return bound.numerator if bound.denominator == 1 else bound


def _is_timed(tag: Tag) -> bool:
    if type(tag) is CountTag:
        return tag.days is not None
    if type(tag) is OrdersTag:
        return tag.of != "ever"
    return type(tag) in (AgeTag, OrderShareTag, TopTag)


def _is_touched(tag: Tag, event_type: str) -> bool:
    if type(tag) is CountTag:
        return any(key.partition(":")[0] == event_type for key in tag.keys)
    if type(tag) in (OrdersTag, OrderShareTag):
        return event_type.startswith(ORDER_PREFIX)
    if type(tag) is MeasureTag:
        return event_type.startswith(SUPPORT_PREFIXES)
    if type(tag) is AnswerTag:
        return event_type == _ANSWERED
    return type(tag) in (AttributeTag, AgeTag) and event_type == PROFILE_UPDATED


def _windows(tags: Iterable[Tag]) -> dict[str, int]:
    windows: dict[str, int] = {}
    for tag in tags:
        if type(tag) is CountTag:
            for key in tag.keys:
                windows[key] = max(windows.get(key, 0), tag.days or 0)
    return windows
