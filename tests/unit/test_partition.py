"""The clock, late events, and the order of things on one record."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.control_records import ClockTick, PolicyActivated, decode_control, encode_control
from handlers.partition import Partition
from handlers.partition_core import NoPolicy
from handlers.state.partition_state import pack_meta, unpack_meta
from handlers.state.store import CustomerStore
from scoring.policy import Cutoffs, Dormancy, Movement, Policy, Tier
from tests.builders import (
    cancelled,
    consent,
    day,
    day_ms,
    edited,
    order,
    paid,
    profile,
    refund,
    viewed,
)
from tests.driver import DEFAULT_LATENESS_MS, Driver, pick

QUIET = Cutoffs(recency_days=(9_000, 9_001, 9_002, 9_003))
MONEY = (Tier("gold", min_monetary="1000"), Tier("silver", min_monetary="100"), Tier("base"))


def fading(window_days: int = 60, grace_days: int = 0) -> Policy:
    """Tiers that fall when an order leaves, on the day on which at_risk is reached by default."""
    return Policy(
        tiers=MONEY, window_days=window_days, cutoffs=QUIET, movement=Movement(grace_days)
    )


# The clock


def test_in_replay_the_clock_is_the_newest_event_less_the_lateness() -> None:
    driver = Driver()
    driver.feed(viewed(day(5)))
    assert driver.partition.meta.clock_ms == day_ms(5) - DEFAULT_LATENESS_MS


def test_the_clock_never_runs_backwards() -> None:
    driver = Driver()
    driver.feed(viewed(day(5)), viewed(day(3)), viewed(day(4), "ben"))
    assert driver.partition.meta.clock_ms == day_ms(5) - DEFAULT_LATENESS_MS


def test_in_replay_a_tick_moves_nothing() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)))
    assert driver.tick(day(500)) == []
    assert driver.profile()["as_of"] == day(0)


def test_in_live_mode_ticks_move_the_clock_and_events_do_not() -> None:
    driver = Driver(mode="live")
    driver.feed(order("o1", "5", day(0)))
    assert driver.feed(viewed(day(300), "ben")) == []
    driver.tick(day(2))
    assert driver.partition.meta.clock_ms == day_ms(2) - DEFAULT_LATENESS_MS
    driver.tick(day(1))
    assert driver.partition.meta.clock_ms == day_ms(2) - DEFAULT_LATENESS_MS


def test_in_live_mode_time_fires_what_is_due_when_the_lateness_is_over() -> None:
    driver = Driver(mode="live")
    driver.feed(order("o1", "5", day(0)))
    assert driver.tick(day(60, 0, 4, 59, 999)) == []
    [alert] = driver.tick(day(60, 0, 5))
    assert (alert["level"], alert["effective_at"]) == ("at_risk", day(60))


def test_the_lateness_is_that_of_the_deployment() -> None:
    driver = Driver(mode="live", lateness_ms=0)
    driver.feed(order("o1", "5", day(0)))
    assert pick(driver.tick(day(60)), "level") == ["at_risk"]


def test_a_customers_clock_is_the_greater_of_its_newest_event_and_the_partitions() -> None:
    driver = Driver()
    driver.feed(viewed(day(1), "ana"), viewed(day(5), "ben"))
    assert driver.profile("ana")["as_of"] == day(4, 23, 55)
    assert driver.profile("ben")["as_of"] == day(5)


# Due instants


def test_what_is_due_fires_by_instant_then_by_customer_id() -> None:
    driver = Driver()
    for name, hour in (("zoe", 1), ("ben", 2), ("ana", 2), ("Zed", 2)):
        driver.feed(order("o1", "120", day(0, hour), name))
    alerts = [o for o in driver.feed(viewed(day(61), "eve")) if o["type"] == "dormancy.alert"]
    assert pick(alerts, "customer_id") == ["zoe", "Zed", "ana", "ben"]


def test_due_instants_of_several_customers_interleave() -> None:
    driver = Driver(Policy(tiers=(Tier("known"),)))
    driver.feed(order("o1", "5", day(0), "ben"), order("o1", "5", day(10), "ana"))
    outputs = driver.feed(viewed(day(200), "eve"))
    assert pick(outputs, "customer_id", "level", "effective_at") == [
        ("ben", "at_risk", day(60)),
        ("ana", "at_risk", day(70)),
        ("ben", "dormant", day(90)),
        ("ana", "dormant", day(100)),
        ("ben", "churned", day(180)),
        ("ana", "churned", day(190)),
    ]


def test_at_one_instant_the_tier_goes_before_the_level() -> None:
    driver = Driver(fading())
    driver.feed(order("o1", "1000", day(0)))
    outputs = driver.pass_to(day(60))
    assert pick(outputs, "type", "effective_at", "sequence") == [
        ("tier.changed", day(60), 2),
        ("dormancy.alert", day(60), 3),
    ]
    assert outputs[1]["tier"] == "base"


def test_all_that_is_due_for_the_tier_at_one_instant_is_one_evaluation() -> None:
    """On day 20 an order leaves, a recency is passed and a grace ends: one change."""
    policy = Policy(
        tiers=(Tier("a", max_recency_days=9), Tier("b", max_recency_days=19), Tier("c")),
        window_days=20,
        movement=Movement(grace_days=10, soft_landing=False),
        cutoffs=QUIET,
    )
    driver = Driver(policy)
    driver.feed(order("o1", "5", day(0)))
    [fall] = driver.pass_to(day(20))
    assert (fall["previous_tier"], fall["tier"], fall["caused_by"]) == ("a", "c", ["o1"])


def test_a_due_instant_is_reached_by_the_event_of_another_customer() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)))
    assert pick(driver.feed(viewed(day(60, 0, 5), "ben")), "customer_id") == ["ana"]


def test_the_records_own_customer_fires_up_to_the_time_of_the_event() -> None:
    """The partition's clock is five minutes behind; the customer's own is not."""
    driver = Driver()
    driver.feed(order("o1", "5", day(0)), order("o1", "5", day(0), "ben"))
    outputs = driver.feed(viewed(day(60), "ana"))
    assert pick(outputs, "customer_id", "level") == [("ana", "at_risk")]


def test_what_was_due_goes_out_before_the_event_is_applied() -> None:
    driver = Driver()
    driver.feed(order("o1", "120", day(0)))
    outputs = driver.feed(order("o2", "880", day(95)))
    assert pick(outputs, "type", "effective_at") == [
        ("dormancy.alert", day(60)),
        ("tier.changed", day(61)),
        ("dormancy.alert", day(90)),
        ("tier.changed", day(95)),
        ("customer.reactivated", day(95)),
    ]
    assert pick(outputs, "sequence") == [2, 3, 4, 5, 6]


def test_other_customers_fire_before_the_records_own() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0, 12), "zoe"), order("o1", "5", day(0, 6), "ana"))
    outputs = driver.feed(viewed(day(60, 12, 5), "ana"))
    assert pick(outputs, "customer_id", "effective_at") == [
        ("ana", day(60, 6)),
        ("zoe", day(60, 12)),
    ]
    driver = Driver()
    driver.feed(order("o1", "5", day(0, 6), "zoe"), order("o1", "5", day(0, 6, 2), "ana"))
    outputs = driver.feed(viewed(day(60, 6, 5), "ana"))
    assert pick(outputs, "customer_id") == ["zoe", "ana"]


def test_after_an_event_the_tier_goes_before_the_level() -> None:
    driver = Driver(fading(window_days=1_000))
    driver.feed(order("o1", "5", day(0)))
    driver.pass_to(day(95))
    assert pick(driver.feed(order("o2", "995", day(95))), "type") == [
        "tier.changed",
        "customer.reactivated",
    ]


def test_identity_is_looked_at_before_time_moves() -> None:
    """The event would move the clock so that its order leaves the window: it is still known."""
    driver = Driver(fading(window_days=10))
    driver.feed(order("o1", "5", day(0)))
    driver.feed(edited(order("o1", "5", day(50)), event_id="again"))
    assert (driver.duplicates, driver.profile()["frequency"]) == (1, 1)


# Late events


def test_a_late_event_enters_at_its_own_time_and_is_evaluated_at_the_clock() -> None:
    driver = Driver(fading())
    driver.feed(viewed(day(30)))
    [rise] = driver.feed(order("o1", "1000", day(10)))
    assert (rise["late"], rise["effective_at"]) == (True, day(30))
    assert rise["after"]["recency_days"] == 20
    assert rise["keeps_until"] == day(70)


def test_an_event_older_than_another_customers_is_late_by_the_partitions_clock() -> None:
    driver = Driver(fading())
    driver.feed(viewed(day(30), "ben"))
    [rise] = driver.feed(order("o1", "1000", day(10)))
    assert (rise["late"], rise["effective_at"]) == (True, day(29, 23, 55))


def test_an_event_within_the_lateness_is_not_late() -> None:
    driver = Driver(fading())
    driver.feed(viewed(day(30), "ben"))
    [rise] = driver.feed(order("o1", "1000", day(29, 23, 55)))
    assert (rise["late"], rise["effective_at"]) == (False, day(29, 23, 55))


@pytest.mark.parametrize(("at", "late"), [(day(30), False), (day(29, 23, 59, 59, 999), True)])
def test_late_is_older_than_the_customers_own_newest_event(at: str, late: bool) -> None:
    driver = Driver(fading())
    driver.feed(viewed(day(30)))
    [rise] = driver.feed(order("o1", "1000", at))
    assert rise["late"] is late


def test_a_late_cancellation_lowers_at_once_and_says_so() -> None:
    driver = Driver(fading())
    driver.feed(order("o1", "1000", day(0)), viewed(day(30)))
    [fall] = driver.feed(cancelled("o1", day(20)))
    assert (fall["late"], fall["reason"], fall["effective_at"]) == (True, "cancellation", day(30))


def test_a_change_by_time_alone_is_never_late() -> None:
    driver = Driver(fading())
    driver.feed(order("o1", "1000", day(0)))
    assert {o["late"] for o in driver.pass_to(day(200)) if "late" in o} == {False}


def test_events_that_arrive_in_any_order_come_to_the_same_profile() -> None:
    lines = [
        order("o1", "100", day(0)),
        order("o2", "900", day(20)),
        refund("o1", "30", day(25)),
        cancelled("o3", day(26)),
        order("o3", "50", day(22)),
        viewed(day(28)),
    ]
    found = []
    for start in range(len(lines)):
        driver = Driver(Policy(tiers=(Tier("known"),)))
        driver.feed(*lines[start:], *lines[:start])
        driver.pass_to(day(40))
        found.append(driver.profile())
    assert [one["monetary"] for one in found] == ["970.00"] * len(lines)
    assert found == [found[0]] * len(lines)


# The log


def test_an_event_before_any_policy_is_an_error() -> None:
    with pytest.raises(NoPolicy, match="no policy"):
        Partition().admit(viewed(day(0)))


def test_records_of_the_log_come_back_from_their_bytes() -> None:
    tick = ClockTick(at=day_ms(3))
    activated = PolicyActivated("p1", "app", "live", 5, fading())
    assert decode_control(encode_control(tick)) == tick
    assert decode_control(encode_control(activated)) == activated


def test_the_partitions_own_state_comes_back_from_its_bytes() -> None:
    driver = Driver(fading(), mode="live")
    driver.feed(viewed(day(0)))
    driver.tick(day(1))
    meta = driver.partition.meta
    assert unpack_meta(pack_meta(meta)) == meta


def restarted(driver: Driver) -> Driver:
    """The same partition read back from its packed states, as a new owner does."""
    driver.pack()
    store = CustomerStore()
    store.restore(list(driver.partition.store.packed()))
    meta = unpack_meta(pack_meta(driver.partition.meta))
    twin = Driver()
    twin.partition = Partition(meta, store)
    twin._position = driver._position
    return twin


LINES = [
    order("o1", "120", day(0)),
    consent(False, day(1)),
    cancelled("o2", day(2)),
    profile({"name": "Ana"}, day(3)),
    order("o2", "900", day(4)),
    order("o3", "900", day(40), "ben"),
    viewed(day(70)),
    refund("o1", "20", day(71)),
    order("o4", "75.5", day(100)),
    paid("o4", day(101)),
    viewed(day(300), "eve"),
]


@pytest.mark.parametrize("cut", range(1, len(LINES)))
def test_a_partition_read_back_goes_on_as_if_it_had_never_stopped(cut: int) -> None:
    whole, first = Driver(), Driver()
    expected = whole.feed(*LINES)
    found = first.feed(*LINES[:cut])
    second = restarted(first)
    found += second.feed(*LINES[cut:])
    assert found == expected
    assert second.profile() == whole.profile()


def test_what_was_applied_before_a_restart_is_skipped_when_it_is_replayed() -> None:
    """The states were written, the commit was not: the log comes again from the start."""
    driver = Driver()
    driver.feed(*LINES)
    twin = restarted(driver)
    twin._position = 1
    assert twin.feed(*LINES) == []
    assert twin.partition.context.tally.skipped == len(LINES)
    assert twin.profile() == driver.profile()


def test_a_replay_of_a_refused_record_does_not_move_time() -> None:
    """The state was written after a duplicate of the far future; the checkpoint was not."""
    lines = [
        order("o1", "5", day(0)),
        edited(order("o1", "5", day(500)), event_id="again"),
        viewed(day(1)),
    ]
    driver = Driver()
    driver.feed(*lines)
    packed = driver.partition.store.pack_changed(epoch=1)
    store = CustomerStore()
    store.restore(packed)
    twin = Driver()
    twin.partition.store = store
    assert twin.feed(*lines) == []
    assert twin.partition.meta.clock_ms == driver.partition.meta.clock_ms


def test_the_tally_counts_what_happened() -> None:
    driver = Driver()
    driver.feed(order("o1", "120", day(0)), order("o1", "120", day(0)), viewed(day(70)))
    tally = driver.partition.context.tally
    assert tally.accepted == {"order.placed": 1, "page.viewed": 1}
    assert tally.duplicates == {"order.placed": 1}
    assert tally.tier_changes == {("prospect", "B", "order"): 1, ("B", "C", "grace_expired"): 1}
    assert tally.level_changes == {("dormancy.alert", "at_risk"): 1}
    assert +tally.population == {("C", "at_risk"): 1}


def test_the_population_counts_each_customer_once() -> None:
    driver = Driver()
    driver.feed(*LINES, viewed(day(300), "zed"))
    driver.pass_to(day(900))
    population = +driver.partition.context.tally.population
    assert population.total() == len(driver.partition.store)


def test_profiles_to_be_sent_are_those_of_changed_customers() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)), viewed(day(0), "ben"))
    assert list(driver.partition.stale_profiles) == ["ana", "ben"]
    driver.partition.stale_profiles.clear()
    driver.feed(viewed(day(0), "ben"), viewed(day(60, 0, 5), "eve"))
    assert list(driver.partition.stale_profiles) == ["ana", "eve"]


def test_a_new_dormancy_rule_does_not_need_an_event() -> None:
    driver = Driver(Policy(tiers=(Tier("known"),)))
    driver.feed(order("o1", "5", day(0)))
    driver.pass_to(day(30))
    eager = Policy(tiers=(Tier("known"),), dormancy=Dormancy(at_risk_days=20))
    alerts: list[dict[str, Any]] = driver.activate(eager)
    assert pick(alerts, "level", "effective_at") == [("at_risk", day(30))]
