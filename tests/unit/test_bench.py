"""The benchmark measures what it says: a fixed load, the worker's own code, parts that add up."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from bench import changelog, core, memory, stages
from bench.load import Load
from bench.offline import live_partition
from handlers.events import Event
from handlers.state.customer import unpack, unpack_head
from handlers.state.partition_state import unpack_meta
from scoring.timestamps import rfc3339

END_MS = 1_780_000_000_000
LOAD = Load(events=3_000, customers=300, end_ms=END_MS, span_ms=60_000)


def test_load_of_a_seed_is_always_the_same_and_another_seed_gives_another() -> None:
    assert list(LOAD.records()) == list(LOAD.records())
    assert list(LOAD.records()) != list(LOAD._replace(seed=2).records())


def test_load_is_three_parts_browsing_to_a_bit_more_than_one_of_orders() -> None:
    topics = Counter(record.topic for record in LOAD.records())
    assert topics["browse"] == pytest.approx(1_800, rel=0.1)
    assert topics["orders"] == pytest.approx(1_020, rel=0.1)
    assert topics["support"] == pytest.approx(150, rel=0.4)
    assert topics.total() == LOAD.events


def test_load_ends_at_its_end_and_never_goes_back() -> None:
    times = [json.loads(record.value)["occurred_at"] for record in LOAD.records()]
    assert times == sorted(times)
    assert rfc3339(END_MS - 60_000) <= times[0]
    assert times[-1] < rfc3339(END_MS)


def test_every_event_of_the_load_is_accepted() -> None:
    partition = live_partition()
    for position, record in enumerate(LOAD.records(), 1):
        event = partition.admit(record.value)
        assert isinstance(event, Event)
        assert partition.apply(position, event) is None
    tally = partition.context.tally
    assert tally.accepted.total() == LOAD.events
    assert tally.duplicates.total() == tally.unmatched == 0


def test_profile_has_a_figure_for_every_stage_of_an_event() -> None:
    found = stages.measure(events=6_000, customers=500, functions=5)
    assert all(stage.event_us >= 0 for stage in found.stages)
    per_event = {stage.name: stage.per_event for stage in found.stages}
    assert per_event["ingest: decode"] == 1
    assert per_event["engine: decode, check, digest"] == 1
    assert 0 < per_event["engine: pack changed states"] < 1
    assert "function calls" in found.functions


def test_core_is_measured_for_each_kind_of_event() -> None:
    found = core.measure([record.value for record in LOAD.records()])
    assert found["decode and apply"] == pytest.approx(found["decode and check"] + found["apply"])
    assert found["apply order.placed"] > 0


@pytest.mark.slow
@pytest.mark.always
def test_customer_takes_more_memory_than_its_packed_state() -> None:
    found = memory.measure(LOAD._replace(events=30_000, customers=3_000))
    assert found.customers == 3_000
    assert 100 < found.state_bytes < found.restored_bytes < 5_000
    assert found.in_use_bytes > 0


def test_changelog_has_each_customer_with_older_records_before_the_newest() -> None:
    known, packed_meta = changelog.histories(200, END_MS, seed=1)
    records = list(changelog.states_of(1_000, known))
    newest: dict[bytes, int] = {}
    for key, packed in records:
        head = unpack_head(packed)
        assert head.applied >= newest.get(key, -1)
        newest[key] = head.applied
        assert unpack(packed).customer_id.encode() == key
    assert len(newest) == 1_000
    assert len(records) == 1_400
    assert max(newest.values()) <= unpack_meta(packed_meta).applied
    assert len({unpack_head(packed).next_due_ms for _, packed in records}) > 50
