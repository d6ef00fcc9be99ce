"""Open tickets and complaints: of a ticket's events the newest by its own time holds."""

from __future__ import annotations

from itertools import permutations

import pytest

from handlers.state.formats import NEWEST
from tests.builders import (
    day,
    merged,
    order,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
    ticket_responded,
)
from tests.driver import Driver


def driver() -> Driver:
    run = Driver(format_number=NEWEST)
    run.feed(order("o1", "10", day(0)))
    return run


def is_marked(run: Driver) -> bool:
    """Whether a change of tier now would be marked as one of a customer with a complaint."""
    found = run.feed(order(f"big{run.accepted}", "5000", day(40)))
    changes = [each for each in found if each["type"] == "tier.changed"]
    assert changes
    return [each["suppressed"] for each in changes] == ["open_complaint"]


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
def test_a_ticket_is_as_its_newest_event_says_whatever_the_arrival(
    arrival: tuple[int, ...],
) -> None:
    events = (
        ticket_opened("t1", day(1), kind="complaint"),
        ticket_resolved("t1", day(2)),
        ticket_reopened("t1", day(3)),
    )
    run = driver()
    run.feed(*(events[at] for at in arrival))
    assert run.profile()["open_tickets"] == 1
    assert is_marked(run)


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
def test_a_resolution_that_is_the_newest_closes_it(arrival: tuple[int, ...]) -> None:
    events = (
        ticket_opened("t1", day(1), kind="complaint"),
        ticket_reopened("t1", day(2)),
        ticket_resolved("t1", day(3)),
    )
    run = driver()
    run.feed(*(events[at] for at in arrival))
    assert run.profile()["open_tickets"] == 0
    assert not is_marked(run)


def test_of_equal_times_the_later_in_the_log_holds() -> None:
    run = driver()
    run.feed(ticket_opened("t1", day(1), kind="complaint"), ticket_resolved("t1", day(1)))
    assert not is_marked(run)
    run = driver()
    run.feed(ticket_resolved("t1", day(1)), ticket_opened("t1", day(1), kind="complaint"))
    assert is_marked(run)


def test_a_response_neither_opens_nor_closes_a_ticket() -> None:
    run = driver()
    run.feed(ticket_responded("t1", day(1)))
    assert run.profile()["open_tickets"] == 0
    run.feed(ticket_opened("t1", day(2), kind="complaint"), ticket_responded("t1", day(3)))
    assert run.profile()["open_tickets"] == 1
    run.feed(ticket_resolved("t1", day(4)), ticket_responded("t1", day(5)))
    assert run.profile()["open_tickets"] == 0


def test_merged_the_newest_holds_and_of_equal_times_the_survivors() -> None:
    run = driver()
    run.feed(
        ticket_opened("t1", day(2), kind="complaint"),
        ticket_resolved("t1", day(3), customer="bob"),
        ticket_opened("t2", day(5)),
        ticket_resolved("t2", day(5), customer="bob"),
    )
    run.feed(merged("ana", day(6), customer="bob"))
    assert run.profile()["open_tickets"] == 1
    assert not is_marked(run)
