"""The tags that each kind of rule gives a customer, and until which day without events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from handlers.profile.birth_date import birth_date
from handlers.state.customer import Customer, Tagged
from scoring.calendar import date_of_day
from scoring.orders.order import FAILED, Order
from scoring.rules import Rules
from scoring.satisfaction import newest
from scoring.tags import (
    AgeTag,
    AnswerTag,
    AttributeTag,
    CountTag,
    Dated,
    MeasureTag,
    OrderShareTag,
    OrdersTag,
    Tag,
    TopTag,
    age_on,
    band_of,
    birthday,
    holds_until,
    is_usable,
)


class Verdict(NamedTuple):
    """The tags that hold today, and the first day on which time alone may change them."""

    tags: tuple[str, ...]
    until_day: int | None = None


class Subject(NamedTuple):
    """The customer and the business day that a rule is evaluated for."""

    customer: Customer
    tagged: Tagged
    rules: Rules
    today: int


def verdict(tag: Tag, subject: Subject) -> Verdict:
    """Evaluate one rule for a customer today.

    Of who refuses profiling only what they told of themselves makes tags.
    """
    if type(tag) not in _TOLD and subject.customer.refuses_profiling:
        return Verdict(())
    return _KINDS[type(tag)](tag, subject)


def _attribute(tag: AttributeTag, subject: Subject) -> Verdict:
    value = subject.customer.known_attributes.get(tag.of)
    if value is None or not is_usable(value):
        return Verdict(())
    return Verdict((f"{tag.tag}:{value}",) if tag.values is None or value in tag.values else ())


def _age(tag: AgeTag, subject: Subject) -> Verdict:
    known = birth_date(subject.customer)
    if known is None:
        return Verdict(())
    born = date_of_day(known.day)
    age = age_on(born, subject.today)
    if age is None:
        return Verdict((), birthday(born, 0))
    later = [band for band in tag.bands if band > age]
    until_day = birthday(born, later[0]) if later else None
    return Verdict((f"{tag.tag}:{band_of(tag.bands, age)}",), until_day)


def _count(tag: CountTag, subject: Subject) -> Verdict:
    counts = [subject.tagged.counts[key] for key in tag.keys if key in subject.tagged.counts]
    if tag.days is None:
        return _plain(tag.tag, holds=tag.range.holds(sum(count.ever for count in counts)))
    by_day: Counter[int] = Counter()
    for count in counts:
        for day, number in count.since(subject.today - tag.days):
            by_day[day] += number
    dated = [(day, by_day[day], 0) for day in sorted(by_day)]
    held = tag.range
    return _timed(tag.tag, holds_until(dated, tag.days, lambda number, _: held.holds(number)))


def _orders(tag: OrdersTag, subject: Subject) -> Verdict:
    ledger, held = subject.customer.ledger, tag.range
    if tag.of == "ever":
        return _plain(tag.tag, holds=held.holds(ledger.orders_ever))
    horizon = subject.today - tag.days
    dated = sorted(leaving for leaving in ledger.leaving() if leaving[0] > horizon)
    return _timed(tag.tag, holds_until(dated, tag.days, _orders_hold(tag)))


def _orders_hold(tag: OrdersTag) -> Callable[[int, int], bool]:
    """Whether a number of orders, and what they are worth together, keep a tag."""
    held = tag.range

    def by_count(count: int, _: int) -> bool:
        return held.holds(count)

    def by_spend(_: int, value: int) -> bool:
        return held.holds(value)

    def by_average(count: int, value: int) -> bool:
        return count > 0 and held.holds(Fraction(value, count))

    return {"count": by_count, "spend": by_spend, "average": by_average}[tag.of]


def _order_share(tag: OrderShareTag, subject: Subject) -> Verdict:
    horizon = subject.today - tag.days
    dated: list[Dated] = []
    for order in subject.customer.ledger.orders:
        is_in = order.payment != FAILED if tag.of == "refunded" else order.counts
        if is_in and order.day > horizon:
            dated.append((order.day, 1, _is_of_share(tag, order, subject.rules)))
    dated.sort()

    def holds(orders: int, of_them: int) -> bool:
        return orders >= tag.min_orders and tag.range.holds(Fraction(of_them, orders))

    return _timed(tag.tag, holds_until(dated, tag.days, holds))


def _is_of_share(tag: OrderShareTag, order: Order, rules: Rules) -> bool:
    if tag.of == "small":
        return order.amount <= tag.amount
    if tag.of == "refunded":
        return order.cancelled or order.has_refunds
    start, end = tag.hours
    hour = rules.calendar.hour(order.placed_ms)
    return start <= hour < end if start < end else hour >= start or hour < end


def _top(tag: TopTag, subject: Subject) -> Verdict:
    tagged, today = subject.tagged, subject.today
    sketch = tagged.categories if tag.of == "category" else tagged.channels
    if sketch is None:
        return Verdict(())
    light_from = {name: sketch.light_from(name, tag.at_least) for name in sketch.heaviest(tag.top)}
    heavy = {name: day for name, day in light_from.items() if day > today}
    return Verdict(tuple(f"{tag.tag}:{name}" for name in heavy), min(heavy.values(), default=None))


def _measure(tag: MeasureTag, subject: Subject) -> Verdict:
    found = _MEASURES[tag.of](subject)
    return _plain(tag.tag, holds=found is not None and tag.range.holds(found))


def _answer(tag: AnswerTag, subject: Subject) -> Verdict:
    told = subject.customer.churn_answer
    if told is None:
        return Verdict(())
    holds = tag.values is None or told.answer in tag.values
    return Verdict((f"{tag.tag}:{told.answer}",) if holds else ())


def _last(survey: str) -> Callable[[Subject], int | None]:
    def last(subject: Subject) -> int | None:
        kept = subject.customer.experience
        answers = None if kept is None else getattr(kept, survey)
        return answers[-1][1] if answers else None

    return last


def _mean(survey: str) -> Callable[[Subject], Fraction | None]:
    def mean(subject: Subject) -> Fraction | None:
        kept, declared = subject.customer.experience, subject.rules.satisfaction
        if kept is None or declared is None:
            return None
        answers = newest(getattr(kept, survey), declared.answers)
        return Fraction(sum(answers), len(answers)) if answers else None

    return mean


_MEASURES: dict[str, Callable[[Subject], int | Fraction | None]] = {
    "open_tickets": lambda subject: subject.customer.open_tickets,
    "open_complaints": lambda subject: subject.customer.open_complaints,
    "csat_last": _last("csat"),
    "csat_mean": _mean("csat"),
    "nps_last": _last("nps"),
    "nps_mean": _mean("nps"),
}


def _plain(tag: str, *, holds: bool) -> Verdict:
    return Verdict((tag,) if holds else ())


def _timed(tag: str, found: tuple[bool, int | None]) -> Verdict:
    holds, until_day = found
    return Verdict((tag,) if holds else (), until_day)


_TOLD = (AttributeTag, AgeTag, AnswerTag)
"""Kinds of tags that follow from what customers tell of themselves."""
_KINDS: dict[type[Tag], Callable[[Any, Subject], Verdict]] = {
    AttributeTag: _attribute,
    AgeTag: _age,
    CountTag: _count,
    OrdersTag: _orders,
    OrderShareTag: _order_share,
    TopTag: _top,
    MeasureTag: _measure,
    AnswerTag: _answer,
}
