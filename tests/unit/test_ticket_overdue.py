"""`ticket.overdue`: at the instants of its terms, of each stage, unless the stage ended in time."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy_file import check_policy
from handlers.state.customer import pack, unpack
from handlers.state.formats import NEWEST
from scoring.policy import Policy
from tests.builders import (
    day,
    erased,
    merged,
    order,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
    ticket_responded,
    viewed,
)
from tests.driver import Driver, pick

TIERS = [{"name": "A", "min_monetary": "1000"}, {"name": "B"}]
STEPS = [{"after_hours": 24, "to": "manager"}, {"after_hours": 72, "to": "director"}]
TERMS: dict[str, Any] = {
    "kind": "complaint",
    "response_hours": 2,
    "resolution_hours": 24,
    "escalate": STEPS,
}


def policy_of(*terms: dict[str, Any], version: str = "p", **care: Any) -> Policy:
    section = {"tickets": list(terms), **care} if terms else care
    return check_policy({"version": version, "tiers": TIERS, "care": section})


def driver(*terms: dict[str, Any], **care: Any) -> Driver:
    return Driver(policy_of(*(terms or (TERMS,)), **care), format_number=NEWEST)


def told(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "ticket.overdue"]
    return pick(found, "ticket_id", "stage", "step", "effective_at")


def complaint(ticket_id: str = "t1", at: str = day(1), **more: Any) -> bytes:
    return ticket_opened(ticket_id, at, kind="complaint", **more)


def test_a_ticket_that_nobody_answers_is_told_at_each_instant() -> None:
    run = driver()
    run.feed(complaint())
    assert told(run.pass_to(day(100))) == [
        ("t1", "response", None, day(1, 2)),
        ("t1", "resolution", None, day(2)),
        ("t1", "response", "manager", day(2, 2)),
        ("t1", "resolution", "manager", day(3)),
        ("t1", "response", "director", day(4, 2)),
        ("t1", "resolution", "director", day(5)),
    ]
    (first, *_) = [each for each in run.outputs if each["type"] == "ticket.overdue"]
    assert pick([first], "topic", "due_at", "due_on", "action", "reason") == [
        ("care-reminders", day(1, 2), "2025-01-02", None, "time")
    ]


def test_answered_in_time_there_is_nothing_of_the_response() -> None:
    run = driver()
    run.feed(complaint(), ticket_responded("t1", day(1, 1, 59)))
    assert told(run.pass_to(day(2, 1))) == [("t1", "resolution", None, day(2))]
    run.feed(ticket_resolved("t1", day(2, 6)))
    assert told(run.pass_to(day(100))) == []


def test_resolved_in_time_there_is_nothing_of_either() -> None:
    run = driver()
    run.feed(complaint(), ticket_resolved("t1", day(1, 1)))
    assert told(run.pass_to(day(100))) == []


def test_an_answer_at_the_very_instant_is_late() -> None:
    run = driver()
    run.feed(complaint())
    assert told(run.feed(ticket_responded("t1", day(1, 2)))) == [
        ("t1", "response", None, day(1, 2))
    ]


def test_reopened_the_second_stage_begins_anew_and_only_that() -> None:
    run = driver()
    run.feed(complaint(), ticket_resolved("t1", day(1, 1)), ticket_reopened("t1", day(3)))
    assert told(run.pass_to(day(4, 1))) == [("t1", "resolution", None, day(4))]
    run.feed(ticket_reopened("t1", day(4, 2)))
    assert told(run.pass_to(day(6))) == [
        ("t1", "resolution", None, day(5, 2)),
    ]


@pytest.mark.parametrize("late", [ticket_responded("t1", day(1, 1)), ticket_resolved("t1", day(2))])
def test_an_answer_that_comes_before_its_opening_ends_the_stage(late: bytes) -> None:
    run = driver()
    run.feed(late)
    found = told(run.feed(complaint())) + told(run.pass_to(day(1, 23)))
    assert found == []


def test_of_past_instants_only_the_latest_of_each_stage_goes_out_at_once() -> None:
    run = driver()
    run.feed(viewed(day(3, 12)))
    assert told(run.feed(complaint())) == [
        ("t1", "response", "manager", day(2, 2)),
        ("t1", "resolution", "manager", day(3)),
    ]
    assert told(run.pass_to(day(4, 12))) == [("t1", "response", "director", day(4, 2))]


def test_the_first_terms_that_fit_hold() -> None:
    run = driver(
        {"kind": "complaint", "severity": [4, 5], "response_hours": 1},
        {"tiers": ["A"], "response_hours": 3},
        {"kind": "complaint", "tiers": ["B"], "response_hours": 5},
    )
    run.feed(
        order("o1", "10", day(0)),
        order("o2", "2000", day(0), customer="bea"),
        complaint("t1", severity=4),
        complaint("t2", severity=3),
        ticket_opened("t3", day(1), kind="question"),
        ticket_opened("t4", day(1), customer="bea"),
        complaint("t5", customer="bea", severity=5),
    )
    assert told(run.pass_to(day(9))) == [
        ("t1", "response", None, day(1, 1)),
        ("t5", "response", None, day(1, 1)),
        ("t4", "response", None, day(1, 3)),
        ("t2", "response", None, day(1, 5)),
    ]


def test_the_tier_is_that_of_the_moment_at_which_the_stage_began() -> None:
    run = driver({"tiers": ["A"], "resolution_hours": 10}, {"resolution_hours": 48})
    run.feed(
        order("o1", "10", day(0)),
        complaint(),
        order("o2", "2000", day(1, 1)),
        ticket_reopened("t1", day(1, 2)),
    )
    assert run.profile()["promises"][0]["due_at"] == day(1, 12)
    run = driver({"tiers": ["A"], "resolution_hours": 10}, {"resolution_hours": 48})
    run.feed(order("o1", "10", day(0)), complaint(), order("o2", "2000", day(1, 1)))
    assert run.profile()["promises"][0]["due_at"] == day(3)


def test_an_earlier_opening_that_is_told_late_brings_the_tier_of_now() -> None:
    run = driver({"tiers": ["A"], "response_hours": 8}, {"response_hours": 48})
    run.feed(complaint(at=day(1, 2)), order("o1", "2000", day(1, 3)), complaint(at=day(1, 1)))
    assert told(run.pass_to(day(1, 20))) == [("t1", "response", None, day(1, 9))]


def test_tickets_count_from_the_policy_on_that_asks_for_them() -> None:
    run = Driver(policy_of(), format_number=NEWEST)
    run.feed(complaint(), viewed(day(2)))
    run.activate(policy_of(TERMS, version="q"))
    assert told(run.pass_to(day(9))) == []
    run.feed(ticket_reopened("t1", day(10)))
    assert told(run.pass_to(day(11))) == [("t1", "resolution", None, day(11))]
    run.activate(policy_of(version="r"))
    assert told(run.pass_to(day(99))) == []
    assert all(ticket.promise is None for ticket in run.state().tickets)


def test_a_new_policy_tells_what_is_past_by_its_terms_once_for_each_stage() -> None:
    run = driver({"kind": "complaint", "resolution_hours": 1_000})
    run.feed(complaint(), viewed(day(5)))
    found = run.activate(policy_of({**TERMS, "response_hours": 72}, version="q"))
    assert told(found) == [
        ("t1", "response", "manager", day(5)),
        ("t1", "resolution", "director", day(5)),
    ]
    assert told(run.pass_to(day(99))) == [("t1", "response", "director", day(7))]


def test_merged_the_newest_of_each_ticket_holds() -> None:
    run = driver()
    run.feed(
        complaint("t1", customer="bea"),
        complaint("t1", day(1, 1)),
        ticket_resolved("t1", day(1, 1, 30), customer="bea"),
        complaint("t2", day(1, 1), customer="bea"),
        merged("ana", day(1, 1, 45), customer="bea"),
    )
    assert told(run.pass_to(day(2, 1))) == [
        ("t2", "response", None, day(1, 3)),
        ("t2", "resolution", None, day(2, 1)),
    ]


def test_merged_a_stage_of_the_older_ticket_ends_and_an_answer_to_it_counts() -> None:
    run = driver()
    run.feed(
        complaint("t1", customer="bea"),
        ticket_reopened("t1", day(1, 1)),
        ticket_responded("t2", day(1, 1), customer="bea"),
        merged("ana", day(1, 1), customer="bea"),
        complaint("t2"),
    )
    assert told(run.pass_to(day(2, 1))) == [
        ("t2", "resolution", None, day(2)),
        ("t1", "resolution", None, day(2, 1)),
    ]


def test_erased_nobody_is_told() -> None:
    run = driver()
    run.feed(complaint(), erased(day(1, 1)))
    assert told(run.pass_to(day(99))) == []


def test_the_profile_has_what_is_due_and_what_is_overdue() -> None:
    run = driver()
    run.feed(complaint())
    run.pass_to(day(1, 3))
    names = ("stage", "due_at", "overdue", "step", "next_at", "next_step")
    assert pick(run.profile()["promises"], *names) == [
        ("response", day(1, 2), True, None, day(2, 2), "manager"),
        ("resolution", day(2), False, None, day(2), None),
    ]


def test_a_packed_state_goes_on_as_before() -> None:
    run = driver()
    run.feed(complaint())
    run.pass_to(day(1, 3))
    customer = run.state()
    assert unpack(pack(customer)) == customer


def test_only_hours_that_count_do() -> None:
    hours = {"weekdays": [1, 2, 3, 4, 5], "from": "09:00", "to": "18:00", "closed": ["2025-01-06"]}
    run = driver(TERMS, hours=hours)
    run.feed(complaint(at="2025-01-03T17:00:00Z"))
    assert told(run.pass_to("2025-01-10T00:00:00Z")) == [
        ("t1", "response", None, "2025-01-07T10:00:00.000Z"),
        ("t1", "resolution", None, "2025-01-09T14:00:00.000Z"),
        ("t1", "response", "manager", "2025-01-09T16:00:00.000Z"),
    ]
