"""What is told twice, cut otherwise, or done again after a crash changes nothing."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from config.policy import check_policy
from handlers.customer import unpack
from tests.builders import day, order
from tests.driver import run
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
    log = _log(random)
    whole, cut = Durable(), Durable()
    _finish(Owner(log, whole))
    more = True
    while more:
        owner = Owner(log, cut)
        more = owner.run(random.randint(1, 30))
        _flush(owner)
    assert cut.outputs == whole.outputs
    assert cut.dead_letters == whole.dead_letters
    assert _comparable(cut) == _comparable(whole)


@given(seed=_SEEDS)
def test_dying_at_any_step_of_a_flush_changes_nothing_for_a_consumer(seed: int) -> None:
    random = Random(seed)
    log = _log(random)
    whole, crashed = Durable(), Durable()
    _finish(Owner(log, whole))
    for _ in range(8):
        owner = Owner(log, crashed)
        lives = True
        while lives and owner.run(random.randint(1, 25)):
            lives = _flush_or_die(owner, random)
    _finish(Owner(log, crashed))
    assert as_consumed(crashed.outputs) == as_consumed(whole.outputs)
    assert set(crashed.dead_letters) == set(whole.dead_letters)
    assert _comparable(crashed) == _comparable(whole)


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
    _finish(Owner(log, whole))
    first = Owner(log, crashed)
    first.run(len(log))
    first.flush_outputs()
    first.flush_states(only=1)
    assert list(crashed.states) == ["ana"]
    _finish(Owner(log, crashed))
    assert as_consumed(crashed.outputs) == as_consumed(whole.outputs)


def _log(random: Random) -> list[bytes]:
    policy = check_policy(random_policy(random))
    return replay_log(History(random, customers=4, days=200).lines(100), policy)


def _flush(owner: Owner) -> None:
    owner.flush_outputs()
    owner.flush_states()
    owner.checkpoint()


def _finish(owner: Owner) -> None:
    owner.run(1_000_000)
    _flush(owner)


def _flush_or_die(owner: Owner, random: Random) -> bool:
    """A flush, or a part of one, whereafter the owner is dead."""
    last_step = random.randint(0, 4)
    if last_step == 0:
        return False
    owner.flush_outputs()
    if last_step == 1:
        return False
    if last_step == 2:
        owner.flush_states(only=random.randint(0, 3))
        return False
    owner.flush_states()
    if last_step == 3:
        return False
    owner.checkpoint()
    return True


def _comparable(durable: Durable) -> dict[str, object]:
    """States without who wrote them."""
    states: dict[str, object] = {}
    for customer_id, packed in durable.states.items():
        customer = unpack(packed)
        customer.epoch = 0
        customer.refused = []
        states[customer_id] = customer
    return states
