"""A merge whose two ids are in different partitions, and what may happen on the way."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from handlers.control_records import ClockTick, Mode, PolicyActivated, encode_control
from handlers.merge.forwarding import MAX_HOPS
from handlers.state.customer import Customer
from handlers.state.formats import NEWEST
from scoring.policy import (
    Dimension,
    Movement,
    PointsPolicy,
    Policy,
    Satisfaction,
    TagRule,
    Tier,
)
from tests.builders import day, erased, merged, order, redeemed, survey, to_ms, viewed
from tests.support.passing import Partitions

POLICY = Policy(
    tiers=(Tier("silver", min_frequency=2), Tier("base")),
    movement=Movement(grace_days=0),
    points=PointsPolicy(),
)


class World:
    """Three partitions. Nothing passes between them before `arrive`."""

    def __init__(self, mode: Mode = "live", seed: int = 1) -> None:
        self.partitions = Partitions(Random(seed), 3)
        self.feed(encode_control(PolicyActivated("p", "app", mode, 0, POLICY)))

    def feed(self, *lines: bytes) -> None:
        """Take events where they belong, and leave what passes on underway."""
        for line in lines:
            self.partitions.take(line)

    def arrive(self) -> None:
        """Let all that is underway arrive."""
        self.partitions.arrive()

    def state(self, customer_id: str) -> Customer:
        home = self.partitions.members[self.partitions.home_of(customer_id)]
        found = home.partition.store.get(customer_id)
        assert found is not None
        return found

    def points(self, customer_id: str) -> int:
        account = self.state(customer_id).points
        return 0 if account is None else account.balance

    def orders(self, customer_id: str) -> list[str]:
        return sorted(each.order_id for each in self.state(customer_id).ledger.orders)

    @property
    def letters(self) -> list[tuple[str, str]]:
        """Reason and event id of all dead letters."""
        return [
            (letter["reason"], letter["event_id"])
            for member in self.partitions.members
            for letter in member.letters
        ]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        found = []
        for member in self.partitions.members:
            for _, output in member.outputs:
                assert output.value is not None
                envelope = json.loads(output.value)
                found.append({"type": envelope["type"], **envelope["data"]})
        return found


def ids(count: int) -> list[str]:
    """Ids whose neighbours are in different partitions."""
    return [f"c{n:02}" for n in range(count)]


A, B, C = "aa", "ab", "ac"


def test_the_ids_of_these_tests_are_apart() -> None:
    world = World()
    assert len({world.partitions.home_of(name) for name in (A, B, C)}) == 3


def test_until_the_record_arrives_the_old_id_is_gone_and_the_new_one_does_not_know() -> None:
    world = World()
    world.feed(order("o1", "10", day(0), A), order("o2", "20", day(0), B))
    world.feed(merged(B, day(1), A))
    assert world.state(A).merged_into is not None
    assert world.orders(B) == ["o2"]
    world.arrive()
    assert (world.orders(B), world.points(B)) == (["o1", "o2"], 30)


def test_what_is_sent_meanwhile_comes_behind_it_in_its_order() -> None:
    world = World()
    world.feed(order("o1", "10", day(0), A), merged(B, day(1), A))
    world.feed(order("o2", "20", day(2), A), redeemed(30, day(3), A))
    world.arrive()
    assert (world.orders(B), world.points(B)) == (["o1", "o2"], 0)
    assert world.letters == []


def test_the_survivor_erased_meanwhile_gives_the_customer_back_with_all_that_was_sent() -> None:
    world = World()
    world.feed(order("o1", "10", day(0), A), order("o2", "20", day(0), B))
    world.feed(merged(B, day(1), A, event_id="m"), erased(day(1), B))
    world.feed(order("o3", "5", day(2), A))
    world.arrive()
    assert world.letters == [("invalid_value", "m")]
    assert (world.orders(A), world.points(A)) == (["o1", "o3"], 15)
    assert world.state(B).erased


def test_a_refused_merge_may_be_repeated() -> None:
    """It is no duplicate, since it was not accepted."""
    world = World()
    told = merged(B, day(1), A, event_id="m")
    world.feed(order("o1", "10", day(0), A), told, erased(day(1), B))
    world.arrive()
    world.feed(told)
    world.arrive()
    assert world.letters == [("invalid_value", "m")] * 2
    assert world.orders(A) == ["o1"]


def test_after_it_the_customer_may_be_merged_elsewhere() -> None:
    world = World()
    world.feed(order("o1", "10", day(0), A), merged(B, day(1), A), erased(day(1), B))
    world.arrive()
    world.feed(merged(C, day(3), A), order("o2", "5", day(4), A))
    world.arrive()
    assert world.orders(C) == ["o1", "o2"]


@pytest.mark.parametrize("names", [(A, B), (A, B, C)])
@pytest.mark.parametrize("seed", range(8))
def test_of_merges_in_a_circle_each_happens_or_is_a_dead_letter_and_nothing_is_lost(
    names: tuple[str, ...], seed: int
) -> None:
    """All told at once, where no partition can see the circle; it depends on what comes first."""
    world = World(seed=seed)
    for number, name in enumerate(names):
        world.feed(order(f"o{number}", "10", day(0), name))
    for number, name in enumerate(names):
        into = names[(number + 1) % len(names)]
        world.feed(merged(into, day(1), name, event_id=f"m{number}"))
    for number, name in enumerate(names):
        world.feed(order(f"late{number}", "5", day(2), name))
    world.arrive()
    alive = [name for name in names if world.state(name).merged_into is None]
    assert [reason for reason, _ in world.letters] == ["invalid_value"] * len(alive)
    kept = [order_id for name in alive for order_id in world.orders(name)]
    told = range(len(names))
    assert sorted(kept) == sorted([*(f"o{n}" for n in told), *(f"late{n}" for n in told)])
    assert sum(world.points(name) for name in alive) == 15 * len(names)


@pytest.mark.parametrize("seed", range(20))
def test_a_merge_told_again_around_a_circle_merges_nobody_else(seed: int) -> None:
    """Each output has an id of its own, of which the id of the merge that caused it is a part."""
    world, names = World(seed=seed), (A, B, C)
    for number, name in enumerate(names):
        world.feed(order(f"o{number}", "10", day(0), name))
    again = merged(B, day(1), A, event_id="m0")
    world.feed(again)
    world.arrive()
    world.feed(merged(C, day(1), B, event_id="m1"), merged(A, day(1), C, event_id="m2"))
    world.feed(again, again)
    world.arrive()
    told = [output for member in world.partitions.members for _, output in member.outputs]
    found = [json.loads(output.value)["id"] for output in told if output.value is not None]
    assert len(found) == len(set(found))


def test_an_event_of_the_old_id_of_an_erased_survivor_is_a_dead_letter_there() -> None:
    world = World()
    world.feed(order("o1", "10", day(0), A), merged(B, day(1), A))
    world.arrive()
    world.feed(erased(day(2), B), viewed(day(3), A, event_id="v"), erased(day(4), A))
    world.arrive()
    assert world.letters == [("erased_customer", "v")]


def test_whatever_is_wrong_with_an_event_of_the_old_id_of_an_erased_survivor_is_not_told() -> None:
    """Only where the survivor is, it is known that it was erased."""
    world = World()
    world.feed(order("o1", "10", day(0), A), merged(B, day(1), A))
    world.arrive()
    world.feed(erased(day(2), B), order("o2", "-5", day(3), A, event_id="v"))
    world.arrive()
    assert world.letters == [("erased_customer", "v")]


def test_a_wrong_value_in_an_event_of_the_old_id_is_found_where_the_survivor_is() -> None:
    world = World()
    world.feed(order("o1", "10", day(0), A), merged(B, day(1), A))
    world.arrive()
    world.feed(order("o2", "-5", day(3), A, event_id="v"))
    world.arrive()
    assert world.letters == [("invalid_amount", "v")]
    assert world.orders(B) == ["o1"]


def test_the_erasure_of_the_old_id_erases_the_survivor() -> None:
    world = World()
    world.feed(order("o1", "10", day(0), A), merged(B, day(1), A), erased(day(2), A))
    world.arrive()
    assert world.state(B).erased


def test_a_merge_goes_over_64_ids_and_an_event_further() -> None:
    names = ids(MAX_HOPS + 6)
    world = World()
    for name, into in pairwise(names[1:]):
        world.feed(merged(into, day(0), name))
        world.arrive()
    world.feed(order("o1", "10", day(1), names[0]))
    world.feed(merged(names[1], day(2), names[0], event_id="far"))
    world.arrive()
    assert world.letters == [("invalid_value", "far")]
    assert (world.orders(names[0]), world.state(names[0]).merged_into) == (["o1"], None)
    world.feed(viewed(day(3), names[1]))
    world.arrive()
    assert world.letters == [("invalid_value", "far")]
    assert world.state(names[-1]).last_interaction_ms is not None


def test_time_passes_for_who_is_on_the_way_as_soon_as_they_are_back() -> None:
    world = World("replay")
    world.feed(order("o1", "10", day(0), A), merged(B, day(1), A), erased(day(1), B))
    home_of = world.partitions.home_of
    neighbour = next(name for name in ids(9) if home_of(name) == home_of(A))
    world.feed(viewed(day(70), neighbour))
    world.arrive()
    alerts = [one for one in world.outputs if one["type"] == "dormancy.alert"]
    assert [(one["customer_id"], one["effective_at"]) for one in alerts] == [(A, day(60))]


def test_under_a_policy_that_came_meanwhile_time_passes_from_when_they_left() -> None:
    """An order leaves a window that is shorter by now, and what follows follows in its order."""
    world = World("live")
    world.feed(order("o1", "10", day(0), A), order("o2", "10", day(20), A))
    world.feed(merged(B, day(21), A), erased(day(21), B))
    shorter = replace(POLICY, version="shorter", window_days=30)
    world.feed(encode_control(PolicyActivated("q", "app", "live", 0, shorter)))
    world.feed(encode_control(ClockTick(to_ms(day(85)))))
    world.arrive()
    told = [each for each in world.outputs if each["customer_id"] == A and each["sequence"] > 4]
    assert [(each["type"], each["effective_at"]) for each in told] == [
        ("tier.changed", day(30)),
        ("dormancy.alert", day(80)),
    ]
    assert [each["sequence"] for each in told] == [5, 6]


def test_what_a_quiet_policy_changes_is_marked_for_who_comes_back_to_it_too() -> None:
    world = World("live")
    world.feed(order("o1", "10", day(0), A), merged(B, day(1), A), erased(day(1), B))
    easy = replace(POLICY, version="easy", tiers=(Tier("silver"), Tier("base")))
    quiet = PolicyActivated("q", "app", "live", 0, easy, format=NEWEST, quiet=True)
    world.feed(encode_control(quiet), viewed(day(1), C), encode_control(ClockTick(to_ms(day(61)))))
    world.arrive()
    told = [each for each in world.outputs if each["customer_id"] == A and each["sequence"] > 2]
    assert [(each["type"], each["suppressed"]) for each in told] == [
        ("tier.changed", "policy_rollout"),
        ("dormancy.alert", None),
    ]


def test_who_is_on_the_way_brings_the_answers_by_which_a_new_policy_grades() -> None:
    world = World("live")
    asking = replace(POLICY, version="asking", satisfaction=Satisfaction())
    happy = Dimension("happy", "satisfaction", cutoffs=("2", "3", "4", "4.5"))
    grading = replace(asking, version="grading", dimensions=(happy,))
    world.feed(encode_control(PolicyActivated("q", "app", "live", 0, asking, format=NEWEST)))
    world.feed(order("o1", "10", day(0), A), survey(5, day(1), customer=A), merged(B, day(2), A))
    world.feed(encode_control(PolicyActivated("r", "app", "live", 0, grading, format=NEWEST)))
    world.arrive()
    assert world.state(B).csat == [(to_ms(day(1)), 5)]


def test_who_is_known_by_a_late_merge_alone_left_at_the_clock_of_the_partition() -> None:
    """Two in a circle come back: their tags are true since they left, not since the merge."""
    known = TagRule("known", "orders", of="count", days=30, at_most="0")
    world = World("live")
    tagging = replace(POLICY, version="tagging", tags=(known,))
    world.feed(encode_control(PolicyActivated("q", "app", "live", 0, tagging)))
    world.feed(encode_control(ClockTick(to_ms(day(5)))))
    world.feed(merged(B, day(3), A), merged(A, day(3), B))
    world.feed(encode_control(ClockTick(to_ms(day(7)))))
    world.arrive()
    told = [each for each in world.outputs if each["type"] == "tags.changed"]
    assert sorted((each["customer_id"], each["effective_at"]) for each in told) == [
        (A, day(5)),
        (B, day(5)),
    ]
    assert {each["added"][0]["since"] for each in told} == {day(5)}
