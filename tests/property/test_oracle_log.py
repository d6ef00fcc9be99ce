"""A live log folded customer by customer comes to the same as folded whole, record by record."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.checks import Limits
from tests.oracle.log import LogRecord, Story, fold
from tests.oracle.partition import Deployment, Partition
from tests.oracle.policy import read_policy
from tests.oracle.profiles import profile_of
from tests.property.test_against_oracle import with_ticks
from tests.support.traffic import Traffic, traffic_of

pytestmark = [pytest.mark.slow, pytest.mark.always]

_FAR = Limits(min_event_time_ms=-(10**30), newest_event_time_ms=10**31)


def _log(
    random: Random, traffic: Traffic, policy: dict[str, Any], other: dict[str, Any]
) -> list[LogRecord]:
    events = traffic.history(random, 4, 120).lines(60)
    records: list[LogRecord] = []
    at_a_time = random.choice([None, 1, 2])
    for line in with_ticks(random, events, policy, other, at_a_time):
        try:
            parsed = json.loads(line)
        except ValueError:
            parsed = {}
        is_control = (isinstance(parsed, dict) and "at" in parsed) or "policy" in parsed
        customer = parsed.get("customer_id", "c1") if isinstance(parsed, dict) else "c2"
        key = None if is_control else customer.encode()
        # As in a topic: offsets may have gaps.
        offset = (records[-1].offset if records else -1) + random.choice((1, 1, 2))
        records.append(LogRecord(offset, key, line))
        for _ in range(random.choice((0, 0, 1, 3))):
            if is_control and "at" in parsed:
                at_ms = parsed["at"] + random.randint(-(10**8), 10**8)
                tick = json.dumps({"type": "clock.tick", "at": at_ms}).encode()
                records.append(LogRecord(records[-1].offset + 1, None, tick))
    return records


def _whole(records: list[LogRecord], policy: dict[str, Any], up_to: int) -> tuple[Any, ...]:
    """Record by record, all customers at once."""
    partition = Partition(Deployment(True, 0, None, _FAR), read_policy(policy))
    told: list[tuple[int, Any]] = []
    earlier: dict[str, Any] | None = None
    for record in records:
        before = len(partition.outputs)
        if record.offset > up_to and earlier is None:
            earlier = _profiles(partition)
        if record.key is None:
            assert record.value is not None
            partition.take_control(record.value, record.offset)
        else:
            key = record.key.decode()
            partition.take_keyed(record.value, record.offset, record.attributes, key=key)
        told += [(record.offset, output) for output in partition.outputs[before:]]
    letters = sorted(partition.dead_letters, key=lambda letter: letter["line"])
    counts = partition.accepted, partition.duplicates, sorted(partition.changed_lines)
    profiles = _profiles(partition)
    return _by_customer(told), letters, counts, profiles, profiles if earlier is None else earlier


def _by_customer(told: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    return sorted(told, key=lambda each: each[1]["customer_id"])


def _profiles(partition: Partition) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys((*partition.erased, *partition.lapsed))
    for customer_id, customer in partition.customers.items():
        waiting = partition.waiting.get(customer_id)
        found[customer_id] = (
            profile_of(customer, partition.clock_of(customer), partition.policy)
            if waiting is None
            else profile_of(customer, waiting.at_ms, waiting.policy)
        )
    return found


def _folded(story: Story) -> tuple[Any, ...]:
    told = [(each.offset, each.output) for each in story.told]
    letters = sorted(story.dead_letters, key=lambda letter: letter["line"])
    counts = story.accepted, story.duplicates, sorted(story.changed)
    return _by_customer(told), letters, counts


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_a_log_folded_customer_by_customer_is_the_log_folded_whole(seed: int) -> None:
    random = Random(seed)
    traffic = traffic_of(random)
    policy = traffic.policy(random)
    records = _log(random, traffic, policy, {**traffic.policy(random), "version": "next"})
    up_to = random.choice(records).offset
    told, letters, counts, profiles, earlier = _whole(records, policy, up_to)
    story = fold(records, up_to)
    assert _folded(story) == (told, letters, counts)
    assert _standings(story.standing) == profiles
    assert _standings(story.earlier) == earlier


def _standings(standings: dict[str, Any]) -> dict[str, Any]:
    """The profiles as of each customer's clock."""
    found = {}
    for customer_id, standing in standings.items():
        customer = standing.customer
        as_of_ms = 0
        if customer is not None:
            newest_ms = customer.newest_event_ms
            as_of_ms = max(newest_ms, standing.clock_ms or newest_ms)
        found[customer_id] = standing.profile(as_of_ms)
    return found
