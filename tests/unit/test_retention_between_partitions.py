"""Merges into who was erased by retention, whose ids are in different partitions."""

from __future__ import annotations

import json
from random import Random

from handlers.control_records import ClockTick, PolicyActivated, encode_control
from handlers.state.customer import Customer
from handlers.state.formats import NEWEST
from scoring.policy import Policy, RetentionPolicy, Tier
from tests.builders import day, day_ms, erased, merged, order, viewed
from tests.support.passing import Partitions

POLICY = Policy(tiers=(Tier("A"),), retention=RetentionPolicy(100, 10))
OLD, KEPT = "aa", "ab"


class World:
    """Three partitions in live mode, whose clock `tick` moves."""

    def __init__(self) -> None:
        self.partitions = Partitions(Random(1), 3)
        record = PolicyActivated("p", "app", "live", 0, POLICY, format=NEWEST)
        self.take(encode_control(record))

    def take(self, *lines: bytes) -> None:
        for line in lines:
            self.partitions.take(line)
            self.partitions.arrive()

    def tick(self, number: int) -> None:
        self.take(encode_control(ClockTick(day_ms(number))))

    def state(self, customer_id: str) -> Customer:
        home = self.partitions.members[self.partitions.home_of(customer_id)]
        found = home.partition.store.get(customer_id)
        assert found is not None
        return found

    @property
    def letters(self) -> list[str]:
        return [each["reason"] for home in self.partitions.members for each in home.letters]


def kept_is_erased() -> World:
    world = World()
    world.take(order("o1", "10", day(0), customer=KEPT))
    world.tick(100)
    world.tick(110)
    assert world.state(KEPT).erased
    return world


def test_a_merge_into_an_erased_customer_comes_back_as_refused() -> None:
    world = kept_is_erased()
    world.take(order("o2", "10", day(110), customer=OLD), merged(KEPT, day(111), customer=OLD))
    assert world.letters == ["invalid_value"]
    assert world.state(OLD).ledger.orders_ever == 1
    assert world.state(KEPT).erased


def test_a_merge_after_the_customer_came_back_arrives() -> None:
    world = kept_is_erased()
    world.take(order("o2", "10", day(110), customer=OLD), viewed(day(111), customer=KEPT))
    world.take(merged(KEPT, day(112), customer=OLD))
    assert world.letters == []
    assert world.state(KEPT).ledger.orders_ever == 1


def test_an_event_of_a_merged_id_begins_the_survivor_anew_if_it_is_later() -> None:
    world = World()
    world.take(order("o1", "10", day(0), customer=KEPT), order("o2", "10", day(0), customer=OLD))
    world.take(merged(KEPT, day(1), customer=OLD))
    world.tick(101)
    world.tick(111)
    assert world.state(KEPT).erased
    world.take(order("o3", "10", day(109), customer=OLD))
    assert world.letters == ["erased_customer"]
    sequence = world.state(KEPT).sequence
    world.take(order("o4", "30", day(112), customer=OLD))
    found = world.state(KEPT)
    assert (found.ledger.orders_ever, found.sequence) == (1, sequence + 1)
    told = [
        json.loads(output.value)["data"]
        for home in world.partitions.members
        for _, output in home.outputs
        if output.value is not None
    ]
    assert len({(each["customer_id"], each["sequence"]) for each in told}) == len(told)


def test_an_erasure_of_a_merged_id_makes_that_of_the_survivor_one_for_good() -> None:
    world = World()
    world.take(order("o1", "10", day(0), customer=KEPT), viewed(day(0), customer=OLD))
    world.take(merged(KEPT, day(1), customer=OLD))
    world.tick(101)
    world.tick(111)
    world.take(erased(day(105), customer=OLD), viewed(day(120), customer=KEPT))
    assert world.letters == ["erased_customer"]
