"""`tierstream explain` tells how often a customer was contacted, and what the caps let through."""

from __future__ import annotations

from handlers.explain.contact import CapWhy, MessagesWhy
from handlers.state.formats import NEWEST
from scoring.policy import Cap, ContactPolicy, Movement, Policy, Quiet, Tier
from tests.builders import cancelled, day, order
from tests.driver import Driver
from tests.unit.test_explanation import shown, why

LIMITED = Policy(
    tiers=(Tier("gold", action="gift", min_monetary="100"), Tier("base", action="nurture")),
    movement=Movement(0),
    contact=ContactPolicy(quiet=Quiet("21:00", "09:00"), caps=(Cap(2, 1), Cap(3, 7))),
)


def driver(policy: Policy = LIMITED) -> Driver:
    return Driver(policy, format_number=NEWEST)


def test_without_the_section_nothing_is_shown_of_it() -> None:
    run = driver(Policy())
    run.feed(order("o1", "120", day(0, 12)))
    assert why(run).contact is None
    assert "Contact" not in shown(why(run))


def test_messages_by_day_and_what_each_cap_lets_through_are_shown() -> None:
    run = driver()
    run.feed(
        order("o0", "1", day(0, 12)),
        order("o1", "120", day(1, 12)),
        cancelled("o1", day(1, 13)),
    )
    found = why(run).contact
    assert found is not None
    assert found.messages == [MessagesWhy("2025-01-01", 1), MessagesWhy("2025-01-02", 2)]
    assert found.caps == [CapWhy(2, 1, 2, 0), CapWhy(3, 7, 3, 0)]
    assert found.quiet_until is None
    text = shown(why(run))
    assert "messages that count: 1 on 2025-01-01, 2 on 2025-01-02" in text
    assert "at most 2 a day: 2 so far, further ones are frequency_cap" in text
    assert "at most 3 in 7 days: 3 so far, further ones are frequency_cap" in text


def test_the_end_of_the_quiet_hours_is_shown_while_they_last() -> None:
    run = driver()
    run.feed(order("o1", "1", day(0, 22)))
    found = why(run).contact
    assert found is not None
    assert found.quiet_until == "2025-01-02T09:00:00.000Z"
    assert found.caps == [CapWhy(2, 1, 0, 2), CapWhy(3, 7, 0, 3)]
    text = shown(why(run))
    assert "quiet hours until" in text
    assert "at most 2 a day: 0 so far, 2 more today" in text
