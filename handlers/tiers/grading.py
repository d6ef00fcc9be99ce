"""What a customer is graded by beside orders: attributes, and the newest CSAT answers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter

from handlers.events import Event, ProfileUpdated, SurveyAnswered
from handlers.state.customer import Customer
from scoring.grading import KEPT_ANSWERS, Beyond
from scoring.rules import Rules
from scoring.satisfaction import Timed

_CSAT = "csat"
_instant = itemgetter(0)


def beyond_of(customer: Customer, rules: Rules) -> Beyond | None:
    """What a customer is graded by beside orders; None under a policy that asks for nothing."""
    if rules.grading is None:
        return None
    return rules.grading.beyond(customer.attributes, customer.csat)


def grades_by(rules: Rules, event: Event) -> bool:
    """Whether an event that is about no order may change what a customer is graded by."""
    if rules.grading is None:
        return False
    if type(event) is SurveyAnswered:
        return rules.grading.asks_satisfaction and event.survey == _CSAT
    return type(event) is ProfileUpdated


def take_answer(customer: Customer, event: Event) -> None:
    """Keep a CSAT answer if it is among the five newest by time (equal: the later in the log)."""
    assert type(event) is SurveyAnswered
    assert event.score is not None
    kept, at_ms = customer.csat, event.occurred_ms
    kept.insert(bisect_right(kept, at_ms, key=_instant), (at_ms, event.score))
    del kept[:-KEPT_ANSWERS]


def keep_answers(customer: Customer, rules: Rules) -> None:
    """Keep only the answers that the policy asks for.

    One that begins to grade by satisfaction finds those that its predecessor kept for the profile.
    Who was graded by satisfaction before has all of these.
    """
    if not _asks(rules):
        customer.csat = []
    elif not customer.csat and customer.experience is not None:
        customer.csat = customer.experience.csat[-KEPT_ANSWERS:]
    if rules.satisfaction is None:
        customer.experience = None


def joined_answers(own: list[Timed], theirs: list[Timed]) -> list[Timed]:
    """The five newest answers of two customers who become one; equal: the survivor's."""
    found = [*own]
    for answer in reversed(theirs):
        found.insert(bisect_left(found, answer[0], key=_instant), answer)
    return found[-KEPT_ANSWERS:]


def _asks(rules: Rules) -> bool:
    return rules.grading is not None and rules.grading.asks_satisfaction
