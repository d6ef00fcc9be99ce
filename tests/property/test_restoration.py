"""A partition's state from its changelog, whatever is in it, is what a plain fold makes of it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from handlers.state.customer import Customer, new_customer, pack, unpack
from handlers.state.due_queue import DueQueue
from handlers.state.partition_state import Meta, pack_meta
from handlers.state.store import CustomerStore
from scoring.policy import Policy
from streams.engine.owned_partition import OwnedPartition
from streams.kafka.headers import META_KEY
from tests.support.changelog import changelog_batch

Records = list[tuple[bytes, bytes | None]]

_SEEDS = st.integers(0, 2**32)
_GENERATION = 3


def _customer(random: Random) -> Customer:
    """A state in the changelog of few customers, whose owners and positions often compete."""
    found = new_customer(random.choice(("ana", "ben", "北京", "😀")))
    found.epoch, found.applied = random.randrange(6), random.randrange(-1, 12)
    found.next_due_ms = random.choice((None, random.randrange(5)))
    found.tier, found.stage = random.choice("AB"), random.choice(("new", "loyal"))
    found.erased = random.random() < 0.2
    found.sequence = random.randrange(2**40)
    return found


def _meta(random: Random) -> Meta:
    return Meta(
        epoch=random.randrange(6),
        applied=random.randrange(-1, 12),
        policy=Policy(),
        clock_ms=random.randrange(2**40),
    )


def _changelog(random: Random) -> Records:
    records: Records = []
    for _ in range(random.randrange(25)):
        kind = random.random()
        if kind < 0.1:
            records.append((random.choice((b"ana", META_KEY)), None))
        elif kind < 0.25:
            records.append((META_KEY, pack_meta(_meta(random))))
        else:
            customer = _customer(random)
            records.append((customer.customer_id.encode(), pack(customer)))
        if random.random() < 0.1:
            records.append(records[-1])
    return records


def _restored(random: Random, records: Records) -> OwnedPartition:
    """As a worker restores it: in batches, cut anywhere."""
    partition = OwnedPartition(0, lambda _: None)
    cuts = sorted(random.choices(range(len(records) + 1), k=3))
    for start, end in pairwise([0, *cuts, len(records)]):
        if start < end:
            partition.restore(changelog_batch(records[start:end]))
    partition.on_restored(_GENERATION)
    return partition


def _newest(records: Records) -> dict[str, Customer]:
    """Of each customer the first of the records with the greatest (epoch, applied)."""
    newest: dict[str, Customer] = {}
    for key, value in records:
        if value is not None and key != META_KEY:
            found = unpack(value)
            known = newest.get(found.customer_id)
            if known is None or (found.epoch, found.applied) > (known.epoch, known.applied):
                newest[found.customer_id] = found
    return newest


def _popped(due_queue: DueQueue) -> list[tuple[int, str]]:
    found = []
    while (due := due_queue.pop_due(2**62)) is not None:
        found.append(due)
    return found


@given(seed=_SEEDS)
def test_a_restore_is_a_plain_fold_of_the_changelog(seed: int) -> None:
    random = Random(seed)
    records = _changelog(random)
    partition = _restored(random, records)
    newest = _newest(records)
    store, meta = partition.partition.store, partition.partition.meta

    assert {name: unpack(packed) for name, packed in store.packed()} == newest
    assert _popped(store.due_queue) == sorted(
        (found.next_due_ms, name) for name, found in newest.items() if found.next_due_ms is not None
    )
    assert +partition.population == Counter(
        (found.tier, found.stage) for found in newest.values() if not found.erased
    )
    assert sorted(partition._ahead) == sorted(
        (found.applied, name) for name, found in newest.items() if found.applied > meta.applied
    )
    assert partition.restored_records == len(records)


@given(seed=_SEEDS)
def test_an_owner_takes_an_epoch_above_all_that_ever_wrote(seed: int) -> None:
    """Also above those whose records lost."""
    random = Random(seed)
    records = _changelog(random)
    states = [unpack(value) for key, value in records if value and key != META_KEY]
    epochs = [state.epoch for state in states]
    metas = [OwnedPartition(0, lambda _: None) for _ in records]
    for partition, record in zip(metas, records, strict=True):
        partition.restore(changelog_batch([record]))
        epochs.append(partition.epoch)
    assert _restored(random, records).epoch == max(_GENERATION, max(epochs, default=0) + 1)


@given(seed=_SEEDS)
def test_taking_all_at_once_ends_in_the_store_of_taking_one_by_one(seed: int) -> None:
    random = Random(seed)
    records = _changelog(random)
    quick = _restored(random, records).partition.store
    slow = CustomerStore()
    for key, value in records:
        if value is not None and key != META_KEY:
            slow.restore([(key.decode(), value)])
    assert dict(quick.packed()) == dict(slow.packed())
    assert quick.max_epoch == slow.max_epoch
    assert [quick.applied(name) for name in quick.ids()] == [
        slow.applied(name) for name in slow.ids()
    ]
    assert _popped(quick.due_queue) == _popped(slow.due_queue)


@given(seed=_SEEDS)
def test_records_that_come_again_after_a_rebalance_change_nothing(seed: int) -> None:
    random = Random(seed)
    records = _changelog(random)
    partition = _restored(random, records)
    before = dict(partition.partition.store.packed())
    if records:
        partition.restore(changelog_batch(random.choices(records, k=5)))
    partition.on_restored(_GENERATION + 1)
    assert dict(partition.partition.store.packed()) == before
    assert _popped(partition.partition.store.due_queue) == _popped(
        _restored(random, records).partition.store.due_queue
    )


@given(seed=_SEEDS)
def test_a_newer_record_that_comes_after_a_rebalance_counts(seed: int) -> None:
    random = Random(seed)
    partition = _restored(random, _changelog(random))
    newer = _customer(random)
    newer.epoch, newer.next_due_ms = 99, 1
    partition.restore(changelog_batch([(newer.customer_id.encode(), pack(newer))]))
    partition.on_restored(_GENERATION + 1)
    store = partition.partition.store
    assert store.get(newer.customer_id) == newer
    assert (1, newer.customer_id) in _popped(store.due_queue)
    assert partition.epoch == 100
