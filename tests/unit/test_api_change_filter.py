"""Which changes a stream tells, what callers see, and how it looks on the wire."""

from __future__ import annotations

import json

import pytest
from aiokafka.producer.producer import DefaultPartitioner

from serving.api.responses import without_attributes, without_birthday
from serving.api.sse.filter import ChangeFilter
from serving.api.sse.position import TOPICS
from serving.api.sse.stream import event

ALL = frozenset(TOPICS)


def change(kind: str = "tier.changed", subject: str = "ana", **data: object) -> bytes:
    return json.dumps({"type": kind, "subject": subject, "data": data}).encode()


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (ChangeFilter(ALL), True),
        (ChangeFilter(ALL, types=frozenset(["tier.changed"])), True),
        (ChangeFilter(ALL, types=frozenset(["dormancy.alert"])), False),
        (ChangeFilter(ALL, customers=frozenset(["ana", "ben"])), True),
        (ChangeFilter(ALL, customers=frozenset(["ben"])), False),
        (ChangeFilter(ALL, tiers=frozenset("AB")), True),
        (ChangeFilter(ALL, tiers=frozenset("C")), False),
    ],
)
def test_a_change_is_chosen_by_type_customer_and_tier(
    selection: ChangeFilter, chosen: bool
) -> None:
    found = selection.type_of(change(tier="A"))
    assert found == ("tier.changed" if chosen else None)


def test_a_change_without_a_tier_is_in_none() -> None:
    points = change("points.changed", balance=3)
    assert ChangeFilter(ALL).type_of(points) == "points.changed"
    assert ChangeFilter(ALL, tiers=frozenset("A")).type_of(points) is None


def test_what_is_not_to_be_acted_on_may_be_left_out() -> None:
    held, plain = change(suppressed="backfill"), change(suppressed=None)
    assert ChangeFilter(ALL).type_of(held) == "tier.changed"
    wanted = ChangeFilter(ALL, actionable=True)
    assert (wanted.type_of(held), wanted.type_of(plain)) == (None, "tier.changed")


def test_birthdays_are_told_to_those_who_see_attributes() -> None:
    birthday = change("birthday.upcoming", tier="A", age=40)
    assert ChangeFilter(ALL).type_of(birthday) == "birthday.upcoming"
    assert ChangeFilter(ALL, sees_attributes=False).type_of(birthday) is None


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"\xff", b'{"type":1}', b'{"type":"x"}'])
def test_what_is_no_change_is_passed_over(value: bytes | None) -> None:
    assert ChangeFilter(ALL).type_of(value) is None


def test_customers_are_read_from_the_partitions_that_kafka_gives_them() -> None:
    ids = [f"customer {n}" for n in range(50)]
    count = 12
    for customer in ids:
        selection = ChangeFilter(frozenset(["tier-changes"]), customers=frozenset([customer]))
        all_partitions = list(range(count))
        expected = DefaultPartitioner()(customer.encode(), all_partitions, all_partitions)
        assert selection.partitions({"tier-changes": count}) == [("tier-changes", expected)]


def test_everybody_is_read_from_all_partitions() -> None:
    selection = ChangeFilter(frozenset(["tier-changes", "care-reminders"]))
    assert selection.partitions({"tier-changes": 2, "care-reminders": 1}) == [
        ("care-reminders", 0),
        ("tier-changes", 0),
        ("tier-changes", 1),
    ]


def test_data_with_line_ends_stays_one_event() -> None:
    told = event("tier.changed", b'{"a":\n1,\r\n"b":2}', "P")
    assert told == b'id: P\nevent: tier.changed\ndata: {"a":\ndata: 1,\ndata: "b":2}\n\n'


def test_a_profile_loses_its_attributes_and_nothing_else() -> None:
    profile = b'{"customer_id":"ana","monetary":"12.50","attributes":{"name":"Ana"},"score":33}'
    assert without_attributes(profile) == (
        b'{"customer_id":"ana","monetary":"12.50","attributes":{},"score":33}'
    )


def test_an_explanation_loses_the_birthday_to_come() -> None:
    birthday = {"kind": "birthday", "due_on": "2026-05-04", "at": "x", "name": "birthday"}
    checkin = {"kind": "checkin", "due_on": "2026-06-01", "at": "y", "name": "checkin"}
    due = {"at": "x", "reasons": [{"kind": "reminder", "subject": "birthday"}]}
    told = json.dumps({"reminders": [birthday, checkin], "due": due}).encode()
    assert json.loads(without_birthday(told)) == {"reminders": [checkin], "due": None}
    due["reasons"].append({"kind": "level", "subject": "dormant"})  # type: ignore[attr-defined]
    told = json.dumps({"reminders": None, "due": due}).encode()
    assert json.loads(without_birthday(told))["due"] == {
        "at": "x",
        "reasons": [{"kind": "level", "subject": "dormant"}],
    }
