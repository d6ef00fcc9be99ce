"""What is read of a record of changes, and what is refused."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.view.change_records import read_level, read_move, seen_key
from serving.view.changes_reader import Migration, Move, total_counts
from serving.view.cursor import BadCursor, LevelAfter, level_after, level_cursor
from serving.view.profile_record import Unreadable
from tests.support.changes import DAY_MS, level_changed, tier_changed


def changed(value: bytes, **data: Any) -> bytes:
    """The same record with other fields in its data."""
    envelope = json.loads(value)
    envelope["data"] |= data
    return json.dumps(envelope).encode()


def test_a_move_is_the_tier_left_the_tier_reached_and_the_reason() -> None:
    value = tier_changed("ana", 7, previous_tier="gold, plus", tier='B"', reason="window")
    move = read_move(b"ana", value, 3, 1_000)
    assert json.loads(move.move) == ["gold, plus", 'B"', "window"]
    assert (move.sequence, move.offset, move.timestamp_ms) == (7, 3, 1_000)


@pytest.mark.parametrize(
    ("effective_at", "day"),
    [
        ("2026-01-31T23:59:59.999Z", date(2026, 1, 31)),
        ("2026-02-01T00:00:00.000Z", date(2026, 2, 1)),
        ("2026-02-01T07:30:00+08:00", date(2026, 1, 31)),
        ("1969-12-31T23:00:00Z", date(1969, 12, 31)),
    ],
)
def test_the_day_of_a_move_is_that_of_its_effect_in_utc(effective_at: str, day: date) -> None:
    value = changed(tier_changed("ana", 1), effective_at=effective_at)
    assert read_move(b"ana", value, 0, 0).day == day


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("dormancy.alert", "churned"),
        ("dormancy.withdrawn", "at_risk"),
        ("customer.reactivated", "active"),
        ("customer.returned", "dormant"),
    ],
)
def test_every_kind_of_record_tells_the_level_reached(kind: str, level: str) -> None:
    record = read_level(b"ana", level_changed("ana", 2, at_ms=DAY_MS, kind=kind, level=level), 0, 0)
    assert (record.customer_id, record.level, record.at_ms) == (b"ana", level, DAY_MS)


MOVE = tier_changed("ana", 1)
LEVEL = level_changed("ana", 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"ana", None),
        (None, MOVE),
        (b"", MOVE),
        (b"ben", MOVE),
        (b"ana", b""),
        (b"ana", b"[]"),
        (b"ana", b"\xff"),
        (b"ana", MOVE[:-1]),
        (b"ana", LEVEL),
        (b"ana", changed(MOVE, sequence=0)),
        (b"ana", changed(MOVE, sequence=-1)),
        (b"ana", changed(MOVE, sequence=2**53 + 1)),
        (b"ana", changed(MOVE, sequence="1")),
        (b"ana", changed(MOVE, sequence=None)),
        (b"ana", changed(MOVE, tier=None)),
        (b"ana", changed(MOVE, tier="x" * 300)),
        (b"ana", changed(MOVE, effective_at="yesterday")),
        (b"ana", changed(MOVE, effective_at="2026-02-30T00:00:00Z")),
        (b"ana", MOVE.replace(b"tier.changed", b"tier.unheard_of")),
    ],
)
def test_what_is_no_move_of_its_customer_is_refused(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(Unreadable):
        read_move(key, value, 0, 0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"ben", LEVEL),
        (b"ana", MOVE),
        (b"ana", changed(LEVEL, level="asleep")),
        (b"ana", changed(LEVEL, level=3)),
        (b"ana", None),
    ],
)
def test_what_is_no_level_of_its_customer_is_refused(key: bytes, value: bytes | None) -> None:
    with pytest.raises(Unreadable):
        read_level(key, value, 0, 0)


def test_no_two_customers_share_a_place_and_none_can_be_read_from_it() -> None:
    names = [f"customer-{number}" for number in range(50_000)]
    places = {seen_key(name.encode()) for name in names}
    assert len(places) == len(names)
    assert all(0 <= place.bucket < 16_384 and len(place.field) == 8 for place in places)
    sizes = [0] * 16_384
    for place in places:
        sizes[place.bucket] += 1
    assert max(sizes) < 20, "the hashes are about equally large"


MOVES = st.builds(
    Move, st.sampled_from("ABC"), st.sampled_from("ABC"), st.sampled_from(["order", "window"])
)


@given(st.lists(st.lists(MOVES, max_size=20), max_size=5))
def test_a_migration_adds_up_days_by_tiers_and_by_reason(days: list[list[Move]]) -> None:
    every = [move for day in days for move in day]
    counts = total_counts({move: day.count(move) for move in day} for day in days)
    migration = Migration(date(2026, 1, 1), date(2026, 1, 5), counts, None)
    for previous in "ABC":
        for tier in "ABC":
            moved = sum((move.previous_tier, move.tier) == (previous, tier) for move in every)
            assert migration.matrix().get(previous, {}).get(tier, 0) == moved
    for reason in ("order", "window"):
        assert migration.by_reason().get(reason, 0) == sum(move.reason == reason for move in every)


def test_a_migration_tells_whether_it_is_complete() -> None:
    def migration(complete_from: date | None) -> Migration:
        return Migration(date(2026, 1, 2), date(2026, 1, 5), (), complete_from)

    assert migration(None).is_complete
    assert migration(date(2026, 1, 2)).is_complete
    assert not migration(date(2026, 1, 3)).is_complete


@given(st.integers(-(2**53), 2**53), st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_cursor_leads_back_to_its_place(at_ms: int, customer_id: str) -> None:
    place = LevelAfter(at_ms, customer_id.encode())
    assert level_after("dormant", level_cursor("dormant", place)) == place


@pytest.mark.parametrize("cursor", ["", "x", "%", "ä", "W10", "WzEsMiwzXQ", "A" * 5_000])
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        level_after("dormant", cursor)


def test_a_cursor_of_another_level_is_refused() -> None:
    with pytest.raises(BadCursor, match="belongs to another level"):
        level_after("churned", level_cursor("dormant", LevelAfter(1, b"ana")))
