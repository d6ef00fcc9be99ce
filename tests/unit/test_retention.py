"""Retention: who is inactive for long is told of, then erased; who comes back begins anew."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy_file import PolicyError, check_policy, parse_policy
from handlers.state.customer import pack, unpack
from handlers.state.formats import NEWEST
from scoring.policy import Policy, RetentionPolicy
from tests.builders import (
    activity,
    approved,
    consent,
    day,
    erased,
    merged,
    order,
    overridden,
    profile,
    redeemed,
    survey,
    ticket_responded,
    viewed,
)
from tests.driver import Driver, pick


def policy_of(version: str = "p", inactive: int | None = 100, notice: int = 10) -> Policy:
    retention = {"inactive_days": inactive, "notice_days": notice}
    document: dict[str, Any] = {"version": version, "tiers": [{"name": "A"}]}
    return check_policy(document if inactive is None else {**document, "retention": retention})


def driver(policy: Policy | None = None, lateness_ms: int = 0) -> Driver:
    return Driver(policy or policy_of(), format_number=NEWEST, lateness_ms=lateness_ms)


def told(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "retention.due"]
    return pick(found, "effective_at", "last_active_at", "erased_at", "due_on")


def bought_and_left() -> Driver:
    """Ana bought on day 0 and was told of on day 100, at the clock of that very day."""
    run = driver()
    run.feed(order("o1", "10", day(0)))
    assert told(run.pass_to(day(100))) == [(day(100), day(0), day(110), "2025-04-21")]
    return run


def test_who_is_inactive_is_told_of_and_erased_after_the_notice() -> None:
    run = bought_and_left()
    sequence = run.state().sequence
    run.pass_to(day(109, 23, 59, 59, 999))
    assert not run.state().erased
    assert run.pass_to(day(110)) == []
    assert (run.state().erased, run.state().sequence) == (True, sequence)
    assert run.partition.profile("ana").value is None
    assert run.pass_to(day(1_000)) == []
    assert not +run.partition.context.tally.population


def test_the_notice_counts_from_the_clock_of_the_partition() -> None:
    """The clock jumps over the instant: the notice is not shortened."""
    run = driver()
    run.feed(order("o1", "10", day(0)))
    run.feed(viewed(day(300), customer="bea"))
    assert told(run.outputs) == [(day(100), day(0), day(310), "2025-11-07")]
    run.pass_to(day(309))
    assert not run.state().erased
    run.pass_to(day(310))
    assert run.state().erased


def test_before_the_first_tick_the_notice_counts_from_the_clock_of_the_customer() -> None:
    run = Driver(policy_of(), mode="live", format_number=NEWEST)
    run.feed(order("o1", "10", day(0)), profile({"name": "x"}, day(105)))
    assert told(run.outputs) == [(day(100), day(0), day(110), "2025-04-21")]
    assert not run.dead_letters


def test_a_notice_ends_by_the_clock_of_the_partition_though_the_customer_is_ahead() -> None:
    """The very event that is told of is ahead of the erasure: the customer begins anew with it."""
    run = Driver(policy_of(inactive=3, notice=1), mode="live", format_number=NEWEST, lateness_ms=0)
    run.tick(day(0))
    run.feed(order("o1", "10", day(0)), profile({"name": "x"}, day(3)))
    assert told(run.outputs) == [(day(3), day(0), day(1), "2025-01-02")]
    assert pick([run.profile()], "orders_ever", "attributes") == [(0, {"name": "x"})]


def test_an_event_behind_the_customers_clock_finds_the_customer_erased() -> None:
    run = Driver(policy_of(), mode="live", format_number=NEWEST, lateness_ms=0)
    run.tick(day(0))
    run.feed(order("o1", "10", day(0)), profile({"name": "x"}, day(5)))
    found = run.activate(policy_of("next", inactive=3, notice=1))
    assert told(found) == [(day(3), day(0), day(1), "2025-01-02")]
    run.feed(profile({"name": "y"}, day(4)))
    assert pick([run.profile()], "orders_ever", "attributes") == [(0, {"name": "y"})]


@pytest.mark.parametrize(
    "sign",
    [
        order("o2", "10", day(105)),
        viewed(day(105)),
        survey(5, day(105), survey="csat"),
        redeemed(1, day(105)),
        consent(False, day(105)),
        activity("visit", day(105)),
    ],
)
def test_whoever_is_active_before_is_not_erased(sign: bytes) -> None:
    run = bought_and_left()
    run.feed(sign)
    run.pass_to(day(204))
    assert not run.state().erased
    assert told(run.pass_to(day(205))) == [(day(205), day(105), day(215), "2025-08-04")]
    run.pass_to(day(215))
    assert run.state().erased


@pytest.mark.parametrize(
    "other", [profile({"name": "Ana"}, day(105)), ticket_responded("t1", day(105))]
)
def test_what_the_customer_did_not_do_changes_nothing(other: bytes) -> None:
    run = bought_and_left()
    run.feed(other)
    run.pass_to(day(110))
    assert run.state().erased


def test_an_event_that_came_late_moves_it_too() -> None:
    run = bought_and_left()
    assert told(run.feed(viewed(day(50)))) == []
    run.pass_to(day(149))
    assert not run.state().erased
    assert told(run.pass_to(day(150))) == [(day(150), day(50), day(160), "2025-06-10")]


def test_what_happened_before_the_erasure_is_a_dead_letter_what_came_after_begins_anew() -> None:
    run = bought_and_left()
    run.pass_to(day(110))
    sequence = run.state().sequence
    assert run.reject(order("o2", "20", day(109))) == "erased_customer"
    assert run.state().erased
    found = run.feed(order("o1", "30", day(111)))
    assert pick(found, "type", "previous_tier", "tier", "sequence") == [
        ("tier.changed", "prospect", "A", sequence + 1)
    ]
    assert pick([run.profile()], "orders_ever", "spend_ever", "stage") == [(1, "30.00", "new")]
    assert told(run.pass_to(day(211))) == [(day(211), day(111), day(221), "2025-08-10")]


def test_the_very_event_with_whose_time_the_customer_is_erased_begins_anew() -> None:
    run = Driver(policy_of(), format_number=NEWEST)
    run.feed(order("o1", "10", day(0)))
    run.pass_to(day(100))
    run.feed(order("o2", "30", day(110)))
    assert pick([run.profile()], "orders_ever", "spend_ever") == [(1, "30.00")]
    assert +run.partition.context.tally.population == {("A", "new"): 1}


def test_an_approval_with_whose_time_the_customer_is_erased_approves_nothing() -> None:
    document = {
        "tiers": [{"name": "A", "min_score": 100}, {"name": "B"}],
        "override": {"approval": True},
        "retention": {"inactive_days": 100, "notice_days": 10},
    }
    run = Driver(check_policy(document), format_number=NEWEST)
    run.feed(overridden("A", day(0), until=day(900), by="kim", event_id="ask"))
    run.pass_to(day(100))
    assert run.reject(approved("ask", day(110), by="lee")) is None
    assert (run.state().erased, run.state().override) == (False, None)


def test_an_erasure_asked_for_is_for_good() -> None:
    run = bought_and_left()
    run.pass_to(day(110))
    run.feed(erased(day(112)))
    assert run.reject(order("o2", "20", day(113))) == "erased_customer"


def test_nobody_is_merged_into_an_erased_customer_nor_when_that_is_read_again() -> None:
    run = bought_and_left()
    run.pass_to(day(110))
    merge = merged("ana", day(111), customer="bea")
    run.feed(viewed(day(111), customer="bea"))
    assert run.reject(merge) == "invalid_value"
    then = run._position
    run.feed(order("o2", "20", day(112)))
    assert run.state().is_erased_at(then)
    assert not run.state().is_erased_at(run._position)
    assert run.reject(merged("ana", day(113), customer="bea")) is None


def test_who_was_erased_and_came_back_may_be_merged_and_erased_again() -> None:
    run = bought_and_left()
    run.pass_to(day(110))
    run.feed(order("o2", "20", day(112)), merged("bea", day(113)))
    assert run.profile("bea")["orders_ever"] == 1
    run.pass_to(day(212))
    run.pass_to(day(222))
    assert run.state("bea").erased
    assert run.reject(viewed(day(200))) == "erased_customer"
    run.feed(viewed(day(223)))
    assert run.profile("bea")["orders_ever"] == 0


def test_a_merge_takes_the_latest_sign() -> None:
    run = driver()
    run.feed(order("o1", "10", day(0)), viewed(day(50), customer="bea"))
    run.feed(merged("ana", day(60), customer="bea"))
    assert told(run.pass_to(day(150))) == [(day(150), day(50), day(160), "2025-06-10")]


def test_who_comes_to_be_known_by_a_late_merge_counts_as_active_then() -> None:
    run = Driver(policy_of(), mode="live", format_number=NEWEST, lateness_ms=0)
    run.tick(day(50))
    run.feed(merged("ana", day(0), customer="bea"))
    assert told(run.tick(day(149))) == []
    assert told(run.tick(day(150))) == [(day(150), day(50), day(160), "2025-06-10")]


def test_under_a_policy_without_retention_nobody_is_erased() -> None:
    run = bought_and_left()
    run.activate(policy_of("q", None))
    run.pass_to(day(1_000))
    assert not run.state().erased
    assert told(run.activate(policy_of("r", 2_000))) == []
    assert told(run.pass_to(day(2_000)))


def test_a_new_policy_tells_at_once_of_who_is_inactive_for_longer() -> None:
    run = driver(policy_of("p", None))
    run.feed(order("o1", "10", day(0)))
    run.pass_to(day(500))
    assert told(run.activate(policy_of("q"))) == [(day(100), day(0), day(510), "2026-05-26")]
    assert told(run.activate(policy_of("r", 600))) == []
    run.pass_to(day(599))
    assert not run.state().erased


def test_states_are_packed_and_read_back() -> None:
    run = bought_and_left()
    assert unpack(pack(run.state())) == run.state()
    run.pass_to(day(110))
    assert unpack(pack(run.state())) == run.state()
    run.feed(viewed(day(111)))
    assert unpack(pack(run.state())) == run.state()


def test_the_policy_has_both_numbers() -> None:
    text = "[retention]\ninactive_days = 1095\nnotice_days = 30"
    assert parse_policy(text).retention == RetentionPolicy(1_095, 30)
    for wrong, problem in (
        ("notice_days = 30", "retention.inactive_days: is missing, a whole number from 1"),
        ("inactive_days = 30", "retention.notice_days: is missing, a whole number from 1"),
        ("inactive_days = 30\nnotice_days = 0", "retention.notice_days: must be a whole number"),
        ("inactive_days = 30\nnotice_days = 1\nx = 1", "retention.x: unknown key"),
    ):
        with pytest.raises(PolicyError) as refused:
            parse_policy(f"[retention]\n{wrong}")
        assert [each for each in refused.value.problems if each.startswith(problem)]
