"""Under a new policy customers take turns, some with each record of the log."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest import mock

import pytest

import handlers.transitions
from handlers.context import Context
from handlers.partition import Partition
from handlers.state.customer import Customer
from handlers.state.formats import NEWEST
from handlers.state.ids_in_order import IdsInOrder
from handlers.state.partition_state import pack_meta, unpack_meta
from handlers.state.policy_round import MAX_FORMERS
from handlers.state.store import CustomerStore
from scoring.policy import Cutoffs, Dormancy, Movement, Policy, Tier
from tests.builders import day, erased, merged, order, to_ms, viewed
from tests.driver import Driver, pick

NAMES = ("ana", "ben", "cid", "dan", "eve")


def policy(version: str, gold: str, dormant_days: int = 60) -> Policy:
    return Policy(
        version=version,
        tiers=(Tier("gold", min_monetary=gold), Tier("base")),
        cutoffs=Cutoffs(recency_days=(9_000, 9_001, 9_002, 9_003)),
        movement=Movement(0),
        dormancy=Dormancy(
            at_risk_days=dormant_days - 1,
            dormant_days=dormant_days,
            churned_days=dormant_days + 300,
        ),
    )


STRICT, EASY = policy("strict", "1000"), policy("easy", "500")


def known(*names: str, at: str = day(0), format_number: int = NEWEST) -> Driver:
    """A live partition with an order of 500 of each, under a policy by which all are base."""
    driver = Driver(STRICT, mode="live", lateness_ms=0, format_number=format_number)
    driver.feed(*(order(f"o-{name}", "500", at, name) for name in names))
    driver.tick(day(1))
    driver.outputs.clear()
    return driver


def risen(driver: Driver) -> list[str]:
    """Who became gold so far, in order."""
    return [each["customer_id"] for each in driver.outputs if each.get("tier") == "gold"]


def test_each_tick_gives_so_many_customers_their_turn_in_order_of_code_points() -> None:
    driver = known("éva", "Zoe", "ben", "ana", "\U0001f600")
    assert driver.activate(EASY, at_a_time=2) == []
    gone = [pick(driver.tick(day(1, second=n)), "customer_id") for n in range(1, 4)]
    assert gone == [["Zoe", "ana"], ["ben", "éva"], ["\U0001f600"]]
    assert not driver.partition.round.is_on


def test_an_event_gives_its_own_customer_a_turn_first() -> None:
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=1)
    changes = driver.feed(order("o2", "1", day(1), "eve"))
    assert pick(changes, "customer_id", "reason") == [("eve", "policy"), ("ana", "policy")]


def test_who_had_a_turn_by_an_event_is_counted_when_the_round_comes_by() -> None:
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=2)
    driver.feed(viewed(day(1), "cid"))
    assert risen(driver) == ["cid", "ana", "ben"]
    driver.tick(day(1, 1))
    assert risen(driver) == ["cid", "ana", "ben", "dan"]


def test_duplicates_and_dead_letters_give_no_turn() -> None:
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=1)
    again = order("o-eve", "500", day(0), "eve")
    assert driver.feed(again, order("o-eve", "7", day(0), "eve"), b"no json") == []


def test_an_old_tick_gives_turns_too() -> None:
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=1)
    assert pick(driver.tick(day(0)), "customer_id") == ["ana"]


def test_what_is_due_waits_for_the_turn_and_then_goes_out_at_its_own_instant() -> None:
    driver = known("ana", "ben")
    driver.activate(policy("sooner", "1000", dormant_days=30), at_a_time=1)
    alerts = [
        pick(driver.tick(day(number)), "customer_id", "effective_at", "policy_version")
        for number in (40, 41)
    ]
    assert alerts == [
        [(name, day(29), "sooner"), (name, day(30), "sooner")] for name in ("ana", "ben")
    ]


def test_what_was_due_under_the_former_policy_does_not_go_out_before_the_turn() -> None:
    driver = known("ana", "ben", "cid")
    driver.activate(policy("later", "1000", dormant_days=90), at_a_time=1)
    assert [driver.tick(day(number)) for number in (61, 62, 63, 64)] == [[], [], [], []]
    assert pick(driver.tick(day(90)), "effective_at") == [day(89)] * 3 + [day(90)] * 3


@pytest.mark.parametrize(("number", "orders", "duplicates"), [(2, 2, 0), (NEWEST, 1, 1)])
def test_of_who_waits_an_order_that_left_the_window_is_known_as_such(
    number: int, orders: int, duplicates: int
) -> None:
    """With another amount it would be a conflict, were it still in the window."""
    driver = known("ana", "bob", "zoe", format_number=number)
    driver.activate(EASY, at_a_time=1)
    driver.tick(day(500))
    assert driver.reject(order("o-zoe", "7", day(500), "zoe", event_id="again")) is None
    assert driver.state("zoe").ledger.orders_ever == orders
    assert driver.duplicates == duplicates


def test_the_profile_of_who_waits_is_that_of_the_former_policy() -> None:
    driver = known("ana", "zoe")
    driver.activate(EASY, at_a_time=1)
    driver.tick(day(2))
    shown = [driver.profile(name) for name in ("ana", "zoe")]
    assert pick(shown, "policy_version", "tier", "as_of") == [
        ("easy", "gold", day(2)),
        ("strict", "base", day(1)),
    ]


def test_new_customers_are_not_part_of_the_round() -> None:
    driver = known("ana", "zoe")
    driver.activate(EASY, at_a_time=1)
    driver.feed(order("o1", "500", day(1), "bob"))
    assert risen(driver) == ["ana", "bob"]
    driver.tick(day(1, 1))
    assert risen(driver) == ["ana", "bob", "zoe"]


def test_the_erased_and_the_merged_are_counted_but_have_no_turn() -> None:
    driver = known(*NAMES)
    driver.feed(erased(day(1), "ana"), merged("eve", day(1), "ben"))
    driver.outputs.clear()
    driver.activate(policy("easier", "400"), at_a_time=2)
    assert driver.tick(day(1, 1)) == []
    assert pick(driver.tick(day(1, 2)), "customer_id") == ["cid", "dan"]


def test_who_another_is_merged_into_has_a_turn_before_that() -> None:
    driver = known("ana", "ben", "zoe")
    driver.activate(EASY, at_a_time=1)
    changes = driver.feed(merged("zoe", day(1), "ben"))
    assert pick(changes, "customer_id", "reason") == [
        ("ben", "policy"),
        ("ana", "policy"),
        ("zoe", "policy"),
    ]


def test_a_further_policy_begins_anew_and_nobody_comes_under_the_one_between() -> None:
    driver = known("ana", "ben")
    driver.activate(policy("between", "400"), "p2", at_a_time=1)
    assert pick(driver.tick(day(2)), "customer_id", "policy_version") == [("ana", "between")]
    driver.activate(policy("last", "300"), "p3", at_a_time=1)
    assert driver.tick(day(3)) == []
    [rise] = driver.tick(day(4))
    assert (rise["customer_id"], rise["policy_version"], rise["effective_at"]) == (
        "ben",
        "last",
        day(1),
    )
    assert rise["crossed"][0]["cutoff"] == "300.00"


def test_the_same_policy_again_lets_the_round_go_on() -> None:
    driver = known("ana", "ben")
    driver.activate(EASY, at_a_time=1)
    driver.tick(day(1))
    driver.activate(EASY, "again", at_a_time=1)
    driver.tick(day(1))
    assert risen(driver) == ["ana", "ben"]


def test_after_some_policies_in_one_round_the_next_lets_all_go_at_once() -> None:
    driver = known(*NAMES)
    for number in range(MAX_FORMERS):
        assert driver.activate(policy(f"v{number}", "400"), f"p{number}", at_a_time=1) == []
    changes = driver.activate(policy("last", "400"), "last", at_a_time=1)
    assert pick(changes, "customer_id") == list(NAMES)
    assert not driver.partition.round.is_on


def test_without_a_number_all_go_by_the_record_of_the_policy() -> None:
    driver = known(*NAMES)
    assert pick(driver.activate(EASY), "customer_id") == list(NAMES)


def test_at_the_end_the_round_is_finished_before_time_passes() -> None:
    driver = known("ana", "ben")
    driver.activate(EASY, at_a_time=1)
    told = driver.pass_to(day(100))
    first = [each for each in told if each["type"] == "tier.changed"]
    assert pick(first, "customer_id", "effective_at") == [("ana", day(1)), ("ben", day(1))]
    assert told[: len(first)] == first


@pytest.mark.parametrize("ahead", [False, True])
def test_a_partition_that_is_restored_goes_on_within_the_round(ahead: bool) -> None:
    """Also with states of customers who came later than the record that is read again."""
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=2)
    driver.tick(day(1, 1))
    driver.pack()
    meta = pack_meta(driver.partition.meta)
    offset = driver.partition.meta.applied
    states = dict(driver.partition.store.packed())
    driver.feed(viewed(day(1, 2), "cab"))  # it gives cid and dan a turn
    if ahead:
        driver.pack()
        states["cab"] = dict(driver.partition.store.packed())["cab"]
    store = CustomerStore()
    store.restore(states.items())
    again = Partition(unpack_meta(meta), store, is_whole=False)
    event = again.admit(viewed(day(1, 2), "cab"))
    again.apply(offset + 1, event)  # type: ignore[arg-type]
    assert [each.customer_id for each in again.context.outbox] == ["cid", "dan"]
    again.tick(offset + 2, to_ms(day(1, 3)))
    assert [each.customer_id for each in again.context.outbox] == ["cid", "dan", "eve"]
    assert not again.round.is_on


def _read_again(driver: Driver, packed: bytes, states: dict[str, bytes]) -> Partition:
    """A partition as a successor restores it: its own record, with states that are further."""
    store = CustomerStore()
    store.restore(states.items())
    return Partition(unpack_meta(packed), store, is_whole=False)


def _told(partition: Partition) -> list[str]:
    return [each.customer_id for each in partition.context.outbox]


def test_who_had_a_turn_by_a_record_that_is_read_again_has_no_other() -> None:
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=2)
    driver.pack()
    packed, offset = pack_meta(driver.partition.meta), driver.partition.meta.applied
    states = dict(driver.partition.store.packed())
    driver.tick(day(1, 1))
    event = viewed(day(1, 2), "dan")
    driver.feed(event)
    driver.pack()
    states["dan"] = dict(driver.partition.store.packed())["dan"]
    again = _read_again(driver, packed, states)
    again.tick(offset + 1, to_ms(day(1, 1)))
    again.apply(offset + 2, again.admit(event))  # type: ignore[arg-type]
    again.tick(offset + 3, to_ms(day(1, 3)))
    assert _told(again) == ["ana", "ben", "cid", "eve"]


def test_a_refused_record_gives_no_turns_when_it_is_read_again() -> None:
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=1)
    driver.pack()
    packed, offset = pack_meta(driver.partition.meta), driver.partition.meta.applied
    states = dict(driver.partition.store.packed())
    conflict, event = order("o-dan", "7", day(0), "dan"), viewed(day(1, 2), "dan")
    assert driver.reject(conflict) == "conflict"
    driver.feed(event)
    driver.pack()
    states["dan"] = dict(driver.partition.store.packed())["dan"]
    again = _read_again(driver, packed, states)
    again.apply(offset + 1, again.admit(conflict))  # type: ignore[arg-type]
    assert _told(again) == []
    again.apply(offset + 2, again.admit(event))  # type: ignore[arg-type]
    assert _told(again) == ["ana"]


@pytest.mark.plain("puts faults into functions of the core")
def test_a_record_that_raises_gives_no_turns() -> None:
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=2)
    with mock.patch("handlers.partition.take_event", side_effect=ValueError):
        assert driver.reject(viewed(day(1, 1), "eve")) == "processing_failed"
    assert driver.outputs == []
    assert pick(driver.tick(day(1, 2)), "customer_id") == ["ana", "ben"]
    assert pick(driver.tick(day(1, 3)), "customer_id") == ["cid", "dan"]
    assert pick(driver.tick(day(1, 4)), "customer_id") == ["eve"]


@pytest.mark.plain("puts faults into functions of the core")
def test_a_turn_that_raises_costs_that_customer_alone() -> None:
    driver = known(*NAMES)
    driver.activate(EASY, at_a_time=3)
    real = handlers.transitions.reevaluate

    def fails_for_ben(context: Context, customer: Customer, *more: Any) -> None:
        real(context, customer, *more)
        if customer.customer_id == "ben":
            raise ValueError

    with mock.patch("handlers.partition_core.reevaluate", fails_for_ben):
        driver.tick(day(1, 1))
    assert risen(driver) == ["ana", "cid"]
    [failure] = driver.partition.failures
    assert (failure.kind, failure.customer_id, failure.has_letter) == ("policy", "ben", True)
    driver.tick(day(1, 2))
    assert risen(driver) == ["ana", "cid", "dan", "eve"]
    driver.feed(order("o2", "1", day(2), "ben"))
    assert risen(driver)[-1] == "ben"


@pytest.mark.parametrize("count", [0, 1, 1_999, 2_001, 30_000, 70_000])
def test_ids_come_in_order_each_once(count: int) -> None:
    random = Random(count)
    ids = list({f"{random.choice('aZé😀')}{random.randrange(10**9)}" for _ in range(count)})
    in_order, found = IdsInOrder(list(ids)), list[str]()
    while (one := in_order.pop()) is not None:
        found.append(one)
        assert len(in_order) == len(ids) - len(found)
    assert found == sorted(ids)
