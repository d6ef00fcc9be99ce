"""Follow-ups: reminded of at the start of their day, once, as told last; no interaction."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from handlers.state.customer import pack, unpack
from handlers.state.followup import MAX_FOLLOWUPS
from handlers.state.formats import NEWEST
from scoring.policy import Policy
from tests.builders import day, edited, erased, followup, merged, order, ticket_responded, without
from tests.driver import Driver, pick


def driver(policy: Policy | None = None, number: int = NEWEST) -> Driver:
    return Driver(policy, format_number=number)


def told(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "followup.due"]
    return pick(found, "followup_id", "due_on", "effective_at", "by", "note")


def test_a_follow_up_is_reminded_of_at_the_start_of_its_day() -> None:
    run = driver(Policy(timezone="Asia/Shanghai"))
    run.feed(followup("2025-01-10", day(1), by="eva", note="call"))
    assert told(run.pass_to("2025-01-09T15:59:59.999Z")) == []
    (due,) = run.pass_to("2025-01-09T16:00:00Z")
    assert pick([due], "topic", "due_on", "by", "note", "action", "suppressed", "sequence") == [
        ("care-reminders", "2025-01-10", "eva", "call", None, None, 1)
    ]
    assert told(run.pass_to(day(800))) == []


def test_told_again_it_moves_and_null_ends_it() -> None:
    run = driver()
    run.feed(
        followup("2025-01-10", day(1)),
        followup("2025-01-12", day(2)),
        followup("2025-01-11", day(1), followup_id="f2"),
        followup(None, day(3), followup_id="f2"),
    )
    assert told(run.pass_to(day(30))) == [("f1", "2025-01-12", day(11), None, None)]


def test_the_newest_by_its_own_time_holds_and_of_equal_times_the_later_in_the_log() -> None:
    run = driver()
    run.feed(
        followup("2025-01-12", day(3)),
        followup("2025-01-20", day(2)),
        followup("2025-01-13", day(3), event_id="again"),
    )
    assert told(run.pass_to(day(30))) == [("f1", "2025-01-13", day(12), None, None)]


def test_a_follow_up_moved_after_its_reminder_is_reminded_of_again() -> None:
    run = driver()
    run.feed(followup("2025-01-05", day(1)))
    assert len(told(run.pass_to(day(6)))) == 1
    assert told(run.feed(followup("2025-01-05", day(6, 1)))) == [], "for this day it was"
    run.feed(followup("2025-01-09", day(7)))
    assert told(run.pass_to(day(30))) == [("f1", "2025-01-09", day(8), None, None)]


def test_one_for_a_day_that_has_begun_goes_out_at_once() -> None:
    run = driver()
    assert told(run.feed(followup("2025-01-03", day(2, 15)))) == [
        ("f1", "2025-01-03", day(2), None, None)
    ]
    assert told(run.feed(followup("0001-01-01", day(2, 16), followup_id="f2"))) == [
        ("f2", "0001-01-01", day(2), None, None)
    ]
    assert run.dead_letters == []


def test_those_of_one_day_go_out_by_id() -> None:
    run = driver()
    run.feed(*(followup("2025-01-05", day(1), followup_id=name) for name in ("b", "c", "a")))
    assert [found[0] for found in told(run.pass_to(day(10)))] == ["a", "b", "c"]


def test_it_is_no_interaction_and_neither_is_a_response() -> None:
    run = driver()
    run.feed(order("o1", "10", day(0)), ticket_responded("t1", day(3)))
    run.feed(followup("2025-01-12", day(4)))
    state = run.state()
    assert state.last_interaction_ms == state.ledger.last_order_ms
    assert state.tickets == []
    churned = [o for o in run.pass_to(day(300)) if o.get("level") == "churned"]
    run.feed(followup("2026-12-01", day(301)), ticket_responded("t1", day(302)))
    assert churned
    assert run.profile()["level"] == "churned"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (without(followup("2025-01-12", day(4)), "on"), "missing_field"),
        (followup("", day(4)), "missing_field"),
        (followup("2025-02-30", day(4)), "invalid_value"),
        (followup("tomorrow", day(4)), "invalid_value"),
        (followup(20250212, day(4)), "wrong_type"),
        (followup("2025-01-12", day(4), by="e" * 129), "invalid_value"),
        (followup("2025-01-12", day(4), note="e" * 129), "invalid_value"),
        (followup(None, day(4), note="e" * 128), None),
    ],
)
def test_what_a_follow_up_must_be(line: bytes, reason: str | None) -> None:
    assert driver().reject(line) == reason


def test_the_profile_shows_those_to_come() -> None:
    run = driver()
    run.feed(
        followup("2025-01-12", day(1), by="eva"),
        followup("2025-01-05", day(1), followup_id="f2", note="ask"),
    )
    assert run.profile()["followups"] == [
        {"followup_id": "f2", "on": "2025-01-05", "by": None, "note": "ask"},
        {"followup_id": "f1", "on": "2025-01-12", "by": "eva", "note": None},
    ]
    run.pass_to(day(30))
    assert "followups" not in run.profile()


def test_so_many_are_kept_and_first_go_those_without_a_reminder_to_come() -> None:
    run = driver()
    run.feed(followup(None, day(2), followup_id="ended"))
    for number in range(MAX_FOLLOWUPS):
        run.feed(followup("2025-06-01", day(3, 0, 0, number), followup_id=f"f{number}"))
    assert len(run.profile()["followups"]) == MAX_FOLLOWUPS
    run.feed(followup("2025-06-01", day(4), followup_id="more"))
    ids = [found["followup_id"] for found in run.profile()["followups"]]
    assert len(ids) == MAX_FOLLOWUPS
    assert "f0" not in ids
    assert "more" in ids


def test_merged_the_newest_holds_and_nothing_is_reminded_of_twice() -> None:
    run = driver()
    run.feed(
        followup("2025-01-12", day(2), customer="bob"),
        followup("2025-01-20", day(1)),
        followup("2025-01-21", day(1), followup_id="own"),
        followup("2025-01-05", day(1), customer="bob", followup_id="theirs"),
    )
    run.pass_to(day(6))
    run.feed(merged("ana", day(7), customer="bob"))
    assert told(run.pass_to(day(40))) == [
        ("f1", "2025-01-12", day(11), None, None),
        ("own", "2025-01-21", day(20), None, None),
    ]


def test_nothing_goes_out_after_an_erasure() -> None:
    run = driver()
    run.feed(followup("2025-01-12", day(2)), erased(day(3)))
    assert told(run.pass_to(day(40))) == []
    assert run.state().followups == []


def test_a_partition_of_an_older_format_does_not_know_them() -> None:
    run = driver(number=2)
    assert run.reject(followup("2025-01-12", day(2))) == "unknown_type"
    assert run.reject(ticket_responded("t1", day(2))) == "unknown_type"


def test_a_state_keeps_them() -> None:
    run = driver()
    run.feed(followup("2025-01-12", day(2), by="eva"))
    state = run.state()
    assert structs.asdict(unpack(pack(state)).followups[0]) == structs.asdict(state.followups[0])


def test_the_same_follow_up_again_is_a_duplicate() -> None:
    run = driver()
    line = followup("2025-01-03", day(2, 15))
    assert len(told(run.feed(line, line))) == 1
    assert run.reject(edited(line, on="2025-01-04")) == "conflict"
