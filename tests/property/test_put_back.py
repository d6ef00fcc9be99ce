"""Whatever a record did, putting it back leaves the very bytes of before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import handlers.state.store
import scoring.orders.ledger
import scoring.orders.order_limits
from handlers.partition import Partition
from handlers.state.customer import pack
from tests.driver import run
from tests.property.test_against_oracle import activation, with_ticks
from tests.support.histories import random_policy
from tests.support.practice_histories import PracticeHistory, random_practice_policy

pytestmark = [pytest.mark.slow, pytest.mark.always]

_SEEDS = st.integers(0, 2**32)


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders are copied, merged, and facts about them kept, where a history has few of them."""
    monkeypatch.setattr(handlers.state.store, "FEW_ORDERS", 1)
    monkeypatch.setattr(scoring.orders.order_limits, "MAX_ORDERS", 6)
    monkeypatch.setattr(scoring.orders.order_limits, "FEW", 2)
    monkeypatch.setattr(scoring.orders.ledger, "FEW", 2)
    monkeypatch.setattr(scoring.orders.order_limits, "_SURELY_FIT", 2)


def _kept(partition: Partition) -> dict[str, Any]:
    """All that is kept of each customer, but for the offsets that were refused."""
    store = partition.store
    found: dict[str, Any] = {}
    for customer_id in store.ids():
        customer = store.get(customer_id)
        assert customer is not None
        is_changed = customer_id in store.changed, customer_id in partition.stale_profiles
        is_planned_anew = partition.round.waits(customer_id)
        due_ms = None if is_planned_anew else store.due_queue.due_ms(customer_id)
        found[customer_id] = pack(replace(customer, refused=[])), is_changed, due_ms
    return found


def _beside(partition: Partition) -> tuple[Any, ...]:
    """What is kept beside the customers."""
    meta, outbox = partition.meta, partition.context.outbox
    return meta.clock_ms, meta.newest_ms, meta.round, len(outbox), len(partition.failures)


@contextmanager
def _each_put_back_and_done_again(random: Random) -> Iterator[None]:
    """Each record and each tick is done, put back, and done again."""

    def twice(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(partition: Partition, *args: Any) -> Any:
            if random.random() < 0.2:
                partition.store.pack_changed(1)
            before = _kept(partition), _beside(partition)
            original(partition, *args)
            partition.put_back()
            assert (_kept(partition), _beside(partition)) == before
            return original(partition, *args)

        return call

    with (
        mock.patch.object(Partition, "apply", twice(Partition.apply)),
        mock.patch.object(Partition, "tick", twice(Partition.tick)),
    ):
        yield


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=_SEEDS)
def test_a_record_that_is_put_back_and_done_again_is_done_once(seed: int) -> None:
    random = Random(seed)
    policy = random_practice_policy(random)
    history = PracticeHistory(random, 3, random.choice([30, 200]), merges=random.random() < 0.5)
    lines = history.lines(70)
    expected = run(lines, policy)
    with _each_put_back_and_done_again(random):
        found = run(lines, policy)
    assert found.collected.outputs == expected.collected.outputs
    assert found.collected.dead_letters == expected.collected.dead_letters


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=_SEEDS)
def test_so_it_is_while_customers_wait_for_a_new_policy(seed: int) -> None:
    random = Random(seed)
    first, second = (random_policy(random, middle_tier=True) for _ in range(2))
    history = PracticeHistory(random, 4, 60, merges=random.random() < 0.5)
    lines = with_ticks(random, history.lines(60), first, {**second, "version": "next"})
    lines.insert(len(lines) // 2, activation("again", {**first, "version": "last"}))
    lines = [
        line.replace(b"{", b'{"at_a_time": 2, ', 1) if b'"policy.activated"' in line else line
        for line in lines
    ]
    expected = run(lines)
    with _each_put_back_and_done_again(random):
        found = run(lines)
    assert found.collected.outputs == expected.collected.outputs
