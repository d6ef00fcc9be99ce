"""A fault in any handler costs the record that raised, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from config.policy_file import check_policy
from handlers.outputs import CUSTOMER_PROFILES
from handlers.reasons import PROCESSING_FAILED
from tests.builders import day, order, to_ms
from tests.driver import Driver, Run, run
from tests.support.histories import History, random_policy
from tests.support.poison import (
    IN_DUE,
    IN_EVENTS,
    one_in,
    poisoned_customers,
    poisoned_dues,
    poisoned_events,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.always,
    pytest.mark.plain("puts faults into functions of the core"),
]

_SEEDS = st.integers(0, 2**32)
_EACH = settings(max_examples=5)
"""There are many places; each gets its share of the examples."""


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """The tracebacks of faults that are wanted here are not shown."""
    logger = logging.getLogger("cli.backtest.run")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


def _failed(found: Run) -> list[dict[str, Any]]:
    return [one for one in found.collected.dead_letters if one["reason"] == PROCESSING_FAILED]


def _others(found: Run) -> list[dict[str, Any]]:
    return [one for one in found.collected.dead_letters if one["reason"] != PROCESSING_FAILED]


@pytest.mark.parametrize("point", IN_EVENTS)
@_EACH
@given(seed=_SEEDS)
def test_a_record_that_raises_leaves_all_as_if_it_were_not_in_the_log(
    point: str, seed: int
) -> None:
    random = Random(seed)
    policy = random_policy(random)
    lines = History(random, customers=3, days=200, merges=True).lines(60)
    share = 1 if point.startswith("Customer") else 3
    with poisoned_events(point, one_in(share)):
        poisoned = run(lines, policy)
    raised = {letter["line"] for letter in _failed(poisoned)}
    assert len(_failed(poisoned)) == len(raised), "one letter each"
    without = [b" " if number in raised else line for number, line in enumerate(lines, 1)]
    expected = run(without, policy)
    assert poisoned.collected.outputs == expected.collected.outputs
    assert _others(poisoned) == expected.collected.dead_letters
    for name in ("accepted", "duplicates", "unmatched", "tier_changes", "level_changes"):
        assert getattr(poisoned.report, name) == getattr(expected.report, name), name
    assert +poisoned.report.customers == +expected.report.customers


@pytest.mark.parametrize("point", IN_DUE)
@_EACH
@given(seed=_SEEDS)
def test_a_due_instant_that_raises_is_dropped_for_its_customer_alone(point: str, seed: int) -> None:
    random = Random(seed)
    policy = random_policy(random)
    lines = History(random, customers=3, days=200).lines(60)
    is_poisoned: Callable[[str], bool] = "c1".__eq__
    with poisoned_dues(point, is_poisoned):
        poisoned, again = run(lines, policy), run(lines, policy)
    expected = run(lines, policy)
    assert (again.collected.outputs, _failed(again)) == (
        poisoned.collected.outputs,
        _failed(poisoned),
    )
    assert {letter["customer_id"] for letter in _failed(poisoned)} <= {"c1"}
    # An event of a customer who lost an instant may be refused then, and move no time.
    assume(poisoned.report.accepted == expected.report.accepted)
    assert _of_others(poisoned) == _of_others(expected)
    assert poisoned.report.final_ms == expected.report.final_ms, "the clock has moved"


def _of_others(found: Run) -> list[Any]:
    return [output for output in found.collected.outputs if output.customer_id != "c1"]


@_EACH
@given(seed=_SEEDS)
def test_a_policy_that_raises_for_a_customer_is_in_force_for_the_others(seed: int) -> None:
    random = Random(seed)
    before, after = (check_policy(random_policy(random, middle_tier=True)) for _ in range(2))
    lines = History(random, customers=3, days=200).lines(60)

    def outputs() -> tuple[Driver, list[dict[str, Any]]]:
        driver = Driver(before)
        driver.feed(*lines[:40])
        driver.outputs.clear()
        driver.activate(after)
        driver.feed(*lines[40:])
        others = [output for output in driver.outputs if output["subject"] != "c1"]
        return driver, others

    with poisoned_customers("reevaluate", "c1".__eq__):
        poisoned, others = outputs()
    _, expected = outputs()
    assert others == expected
    is_there = poisoned.partition.store.get("c1") is not None
    failures = [failure for failure in poisoned.partition.failures if failure.kind == "policy"]
    assert len(failures) <= is_there
    assert all(failure.has_letter for failure in failures)
    sequences = [output["sequence"] for output in poisoned.outputs if output["subject"] == "c1"]
    assert sequences == sorted(set(sequences))


@_EACH
@given(seed=_SEEDS)
def test_a_profile_that_cannot_be_made_takes_nothing_else_along(seed: int) -> None:
    random = Random(seed)
    policy = random_policy(random)
    lines = History(random, customers=3, days=200).lines(40)
    with poisoned_customers("profile_record", "c1".__eq__):
        poisoned = run(lines, policy)
    expected = run(lines, policy)
    mine = [
        output
        for output in expected.collected.outputs
        if (output.topic, output.customer_id) != (CUSTOMER_PROFILES, "c1")
    ]
    assert poisoned.collected.outputs == mine


def test_what_was_dropped_is_made_up_for_at_the_next_instant() -> None:
    driver = Driver(check_policy({}))
    driver.feed(order("A1", "10", day(0)))
    with poisoned_dues("reach_levels", "ana".__eq__):
        driver.pass_to(day(61))
    details = [failure.rejection.detail for failure in driver.partition.failures]
    assert f"what was due at {day(60)} raised Poisoned in handlers.transitions.fire" in details
    assert driver.state().level == 0
    driver.pass_to(day(91))
    levels = [output["level"] for output in driver.outputs if output["type"] == "dormancy.alert"]
    assert levels == ["at_risk", "dormant"]
    assert to_ms(day(60)) < driver.partition.meta.clock_ms
