"""Merges between partitions, with whatever happens on the way, against the naive oracle."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.control_records import ClockTick, Mode, encode_control
from tests.builders import DAY_MS, merged, to_ms
from tests.driver import run
from tests.oracle.forwarded import Way
from tests.oracle.log import Standing, Story, fold_all
from tests.property.test_against_oracle import activation, in_no_order, with_ticks
from tests.support.passing import Member, Partitions, way_of
from tests.support.traffic import traffic_of

pytestmark = [pytest.mark.slow, pytest.mark.always]


def _world(random: Random, mode: Mode) -> Partitions:
    partitions = Partitions(random, random.randint(1, 3))
    traffic = traffic_of(random)
    policy = traffic.policy(random, middle_tier=True)
    other = {**traffic.policy(random, middle_tier=True), "version": "next"}
    events = [
        line
        for line in traffic.history(random, random.choice([3, 5]), days=200, merges=True).lines(90)
        if b"customer_id" in line
    ]
    at_a_time = random.choice([None, 1, 2])
    lines = with_ticks(random, events, policy, other if mode == "live" else policy, at_a_time)
    if mode == "replay":
        lines = [line.replace(b'"mode": "live"', b'"mode": "replay"') for line in lines]
    partitions.feed(lines, arrival_rate=random.choice([0.0, 0.2, 0.5, 0.8]))
    return partitions


def _refused_world(random: Random) -> Partitions:
    """Merges in a circle, late or not, of customers known or not; a policy while they travel."""
    partitions = Partitions(random, 3)
    traffic = traffic_of(random)
    policy = traffic.policy(random, middle_tier=True)
    other = {**traffic.policy(random, middle_tier=True), "version": "next"}
    events = [
        line
        for line in traffic.history(random, 3, days=random.choice([60, 200])).lines(60)
        if b"customer_id" in line
    ]
    lines = with_ticks(random, events, policy, policy)
    cut = random.randint(len(lines) // 4, len(lines) - 1)
    partitions.feed(lines[:cut], arrival_rate=1.0)
    now_ms = to_ms("2027-06-01T00:00:00.000Z")
    ticks = [json.loads(line)["at"] for line in lines[:cut] if b'"clock.tick"' in line]
    if ticks:
        now_ms = max(ticks)
    for line in _refused_merges(random, now_ms):
        partitions.take(line)
    for _ in range(random.randint(0, 2)):
        now_ms += random.choice([1, 3_600_000, 5 * DAY_MS, 40 * DAY_MS])
        partitions.take(encode_control(ClockTick(now_ms)))
    if random.random() < 0.8:
        partitions.take(activation("between", other, random.choice([None, 1, 2])))
    partitions.take(encode_control(ClockTick(now_ms + random.choice([1, DAY_MS, 50 * DAY_MS]))))
    partitions.feed(lines[cut:], arrival_rate=0.5)
    return partitions


def _refused_merges(random: Random, now_ms: int) -> list[bytes]:
    """One circle, told within the lateness of the partitions or long before their clocks."""
    names = random.sample(["c0", "c1", "c2", "n0", "n1", "n2"], random.choice([2, 2, 3]))
    pairs = zip(names, names[1:] + names[:1], strict=True)
    late_ms = random.choice([0, 60_000, 3_600_000, 3 * DAY_MS])
    return [merged(other, now_ms - late_ms, one) for one, other in pairs]


def _stories(partitions: Partitions) -> list[Story]:
    logs = {number: member.records for number, member in enumerate(partitions.members)}
    found = fold_all(logs, dict.fromkeys(logs, 1 << 40))
    return [found[number] for number in sorted(found)]


def _told(member: Member) -> list[tuple[int, dict[str, Any]]]:
    """As the oracle tells it: without ids, those of alerts as their sequences."""
    told = []
    sequences: dict[str, int] = {}
    for offset, output in member.outputs:
        assert output.value is not None
        record = json.loads(output.value)
        data = {"type": record["type"], **record["data"]}
        sequences[record["id"]] = data["sequence"]
        if "withdraws" in data:
            data["withdraws"] = sorted(sequences[one] for one in data["withdraws"])
        told.append((offset, in_no_order(data)))
    return sorted(told, key=lambda each: (each[1]["customer_id"], each[1]["sequence"]))


def _expected(story: Story) -> list[tuple[int, dict[str, Any]]]:
    told = [(each.offset, in_no_order(each.output)) for each in story.told]
    return sorted(told, key=lambda each: (each[1]["customer_id"], each[1]["sequence"]))


def _profiles(member: Member, expected: dict[str, Any]) -> dict[str, Any]:
    """The profiles of all that are known to either, with the fields that the oracle knows."""
    found: dict[str, Any] = {}
    for customer_id in sorted(set(member.partition.store.ids()) | expected.keys()):
        output = member.partition.profile(customer_id)
        if output is None or output.value is None:
            found[customer_id] = None
            continue
        data = json.loads(output.value)["data"]
        known = expected.get(customer_id) or {}
        found[customer_id] = {name: value for name, value in data.items() if name in known}
    return found


def _expected_profiles(standing: dict[str, Standing]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for customer_id, each in standing.items():
        if each.customer is None:
            found[customer_id] = None
            continue
        newest_ms = each.customer.newest_event_ms
        found[customer_id] = each.profile(max(newest_ms, each.clock_ms or newest_ms))
    return found


def _passed(member: Member) -> dict[int, Way]:
    return {offset: way_of(forwarded) for offset, forwarded in member.passed.items()}


def check(partitions: Partitions) -> None:
    """Every output with its cause, every dead letter, count, way and profile."""
    for member, story in zip(partitions.members, _stories(partitions), strict=True):
        assert _passed(member) == {offset: each.way for offset, each in story.passed.items()}
        letters = sorted(story.dead_letters, key=lambda letter: letter["line"])
        assert member.letters == letters
        tally = member.partition.context.tally
        assert tally.accepted.total() == story.accepted
        assert tally.duplicates.total() == story.duplicates
        assert _told(member) == _expected(story)
        expected = _expected_profiles(story.standing)
        assert _profiles(member, expected) == expected


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_live_partitions_come_to_what_the_oracle_makes_of_their_logs(seed: int) -> None:
    check(_world(Random(seed), "live"))


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_replaying_partitions_come_to_what_the_oracle_makes_of_their_logs(seed: int) -> None:
    check(_world(Random(seed), "replay"))


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_who_comes_back_stands_as_if_the_policy_had_come_when_they_left(seed: int) -> None:
    check(_refused_world(Random(seed)))


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_a_dump_of_each_partition_gives_the_same_bytes(seed: int) -> None:
    """Those of each customer in order, dead letters too; at its end a round is finished."""
    for member in _world(Random(seed), "live").members:
        found = run(member.lines)
        member.partition.finish_round(len(member.lines))
        member.outputs += [(0, output) for output in member.partition.context.outbox]
        outputs = [o for o in found.collected.outputs if o.topic != "customer-profiles"]
        assert outputs == [output for _, output in member.outputs]
        letters = [{**each, "line": each["line"] + 1} for each in member.letters]
        assert found.collected.dead_letters == letters
