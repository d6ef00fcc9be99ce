"""What is told twice, cut otherwise, or done again after a crash changes nothing."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from config.policy import check_policy
from tests.builders import day, order
from tests.driver import run
from tests.support.deaths import comparable, deaths_change_nothing, finish, flush, random_log
from tests.support.histories import History, random_policy
from tests.support.owner import Durable, Owner, as_consumed, replay_log

_SEEDS = st.integers(0, 2**32)


@given(seed=_SEEDS)
def test_telling_any_event_twice_changes_nothing(seed: int) -> None:
    random = Random(seed)
    policy = random_policy(random)
    once = History(random, customers=3, days=200).lines(80)
    twice = [line for line in once for _ in range(2)]
    told_once, told_twice = run(once, policy), run(twice, policy)
    assert told_twice.collected.outputs == told_once.collected.outputs
    assert told_twice.report.accepted <= told_once.report.accepted + _erasures(once)


def _erasures(lines: list[bytes]) -> int:
    """A repeated erasure is accepted."""
    return sum(b"customer.erased" in line for line in lines)


@given(seed=_SEEDS)
def test_flushing_and_restoring_at_any_point_changes_nothing(seed: int) -> None:
    random = Random(seed)
    log = random_log(random)
    whole, cut = Durable(), Durable()
    finish(Owner(log, whole))
    more = True
    while more:
        owner = Owner(log, cut)
        more = owner.run(random.randint(1, 30))
        flush(owner)
    assert cut.outputs == whole.outputs
    assert cut.dead_letters == whole.dead_letters
    assert comparable(cut) == comparable(whole)


@given(seed=_SEEDS)
def test_dying_at_any_step_of_a_flush_changes_nothing_for_a_consumer(seed: int) -> None:
    deaths_change_nothing(Random(seed), 8)


def test_a_refused_record_moves_time_no_more_when_a_successor_skips_it() -> None:
    log = replay_log(
        [
            order("A1", "10", day(0)),
            order("B1", "10", day(0), "ben"),
            order("A1", "99", day(90)),
            order("B2", "500", day(1), "ben"),
            order("A2", "10", day(91)),
        ],
        check_policy({}),
    )
    whole, crashed = Durable(), Durable()
    finish(Owner(log, whole))
    first = Owner(log, crashed)
    first.run(len(log))
    first.flush_outputs()
    first.flush_states(only=1)
    assert list(crashed.states) == ["ana"]
    finish(Owner(log, crashed))
    assert as_consumed(crashed.outputs) == as_consumed(whole.outputs)
