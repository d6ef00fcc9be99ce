"""The account manager: on every output, in the profile, told when the customer changes hands."""

from __future__ import annotations

from typing import Any

from handlers.profile.record import profile_of
from handlers.state.formats import NEWEST
from scoring.policy import CarePolicy, Policy, TagRule
from tests.builders import (
    day,
    day_ms,
    followup,
    merged,
    order,
    profile,
    ticket_opened,
    ticket_resolved,
)
from tests.driver import Driver, pick

OWNED = Policy(
    care=CarePolicy(owner_attribute="manager"),
    tags=(TagRule(tag="region", kind="attribute", of="region"),),
)


def driver(policy: Policy = OWNED) -> Driver:
    return Driver(policy, format_number=NEWEST)


def told(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [output for output in outputs if output["type"] == "owner.changed"]


def test_every_output_and_the_profile_name_the_owner() -> None:
    run = driver()
    run.feed(profile({"manager": "eva", "region": "north"}, day(0)), order("o1", "500", day(1)))
    run.pass_to(day(100))
    assert {output["type"] for output in run.outputs} >= {
        "owner.changed",
        "tags.changed",
        "tier.changed",
        "dormancy.alert",
    }
    assert {output["owner"] for output in run.outputs} == {"eva"}
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert profile_of(customer, run.partition.rules, day_ms(100)).owner == "eva"


def test_a_change_of_hands_says_what_the_next_one_takes_over() -> None:
    run = driver()
    run.feed(
        profile({"manager": "eva"}, day(0)),
        order("o1", "500", day(1)),
        ticket_opened("t1", day(2), kind="complaint"),
        ticket_opened("t2", day(2)),
        ticket_resolved("t2", day(3)),
        followup("2025-02-01", day(3), followup_id="f1", by="eva"),
        followup("2025-01-05", day(3), followup_id="f2"),
    )
    run.pass_to(day(9))
    (change,) = told(run.feed(profile({"manager": "bob"}, day(10))))
    assert pick([change], "topic", "previous_owner", "owner", "reason", "sequence") == [
        ("profile-changes", "eva", "bob", "profile", run.outputs[-1]["sequence"])
    ]
    assert change["caused_by"]
    assert change["tier"] == run.outputs[1]["tier"]
    assert change["keeps_until"] is not None
    assert change["open_tickets"] == [
        {"ticket_id": "t1", "kind": "complaint", "opened_at": "2025-01-03T00:00:00.000Z"}
    ]
    assert change["followups"] == [
        {"followup_id": "f1", "on": "2025-02-01", "by": "eva", "note": None}
    ]


def test_from_nobody_and_to_nobody_is_told_and_what_changes_nothing_is_not() -> None:
    run = driver()
    run.feed(
        profile({"manager": "eva"}, day(1)),
        profile({"manager": "eva"}, day(2)),
        profile({"manager": "old"}, day(0), event_id="late"),
        profile({"phone": "1"}, day(3)),
        profile({"manager": ""}, day(4)),
    )
    assert pick(told(run.outputs), "previous_owner", "owner") == [(None, "eva"), ("eva", None)]


def test_a_merge_that_brings_a_newer_owner_is_told() -> None:
    run = driver()
    run.feed(
        profile({"manager": "eva"}, day(0)),
        profile({"manager": "bob"}, day(1), "bea"),
        merged("ana", day(2), "bea"),
    )
    found = pick(told(run.outputs), "customer_id", "previous_owner", "owner", "reason")
    assert found == [
        ("ana", None, "eva", "profile"),
        ("bea", None, "bob", "profile"),
        ("ana", "eva", "bob", "merge"),
    ]


def test_moving_200_customers_tells_each_once_with_each_open_item_once() -> None:
    run = driver()
    names = [f"c{number}" for number in range(200)]
    for name in names:
        run.feed(
            profile({"manager": "eva"}, day(0), name),
            ticket_opened(f"t-{name}", day(1), name),
            followup("2025-03-01", day(1), name, followup_id=f"f-{name}"),
        )
    moved = [told(run.feed(profile({"manager": "bob"}, day(2), name))) for name in names]
    assert [[change["customer_id"] for change in each] for each in moved] == [[n] for n in names]
    changes = [each[0] for each in moved]
    tickets = [ticket["ticket_id"] for each in changes for ticket in each["open_tickets"]]
    followups = [each_one["followup_id"] for each in changes for each_one in each["followups"]]
    assert tickets == [f"t-{name}" for name in names]
    assert followups == [f"f-{name}" for name in names]


def test_the_owner_is_kept_however_many_attributes_come() -> None:
    run = driver()
    run.feed(profile({"manager": "eva"}, day(0)))
    run.feed(*(profile({f"n{number}": "x"}, day(1 + number)) for number in range(70)))
    assert pick(told(run.outputs), "owner") == ["eva"]


def test_without_the_key_nobody_is_told() -> None:
    run = driver(Policy())
    run.feed(profile({"manager": "eva"}, day(0)), profile({"manager": "bob"}, day(1)))
    assert told(run.outputs) == []
