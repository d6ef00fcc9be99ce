"""What is told twice, or done again after a crash, changes nothing (see tests/simulator too)."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import day, erased, order
from tests.driver import Driver, run
from tests.support.histories import History, random_policy

pytestmark = [pytest.mark.slow, pytest.mark.always]

_SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize("merges", [False, True])
@given(seed=_SEEDS)
def test_telling_any_event_twice_changes_nothing(seed: int, merges: bool) -> None:
    random = Random(seed)
    policy = random_policy(random)
    once = History(random, customers=3, days=200, merges=merges).lines(80)
    twice = [line for line in once for _ in range(2)]
    told_once, told_twice = run(once, policy), run(twice, policy)
    assert told_twice.collected.outputs == told_once.collected.outputs
    assert told_twice.report.accepted <= told_once.report.accepted + _erasures(once)


def _erasures(lines: list[bytes]) -> int:
    """A repeated erasure is accepted."""
    return sum(b"customer.erased" in line for line in lines)


@pytest.mark.parametrize("last", [order("A2", "10", day(91)), erased(day(91))])
def test_a_refused_record_moves_time_no_more_when_a_successor_skips_it(last: bytes) -> None:
    lines = [
        order("A1", "10", day(0)),
        order("B1", "10", day(0), "ben"),
        order("A1", "99", day(90)),
        order("B2", "500", day(1), "ben"),
        last,
    ]
    first, second = Driver(), Driver()
    first.feed(*lines)
    states = first.partition.store.pack_changed(1)
    [ana] = [state for state in states if state[0] == "ana"]
    second.partition.store.restore([ana])  # the owner died when only hers was written
    second.feed(*lines)
    assert [output for output in first.outputs if output["subject"] == "ben"] == second.outputs
    assert second.partition.store.pack_changed(1) == [state for state in states if state != ana]
