"""Which partitions of a table are kept, restored and forgotten over rebalances."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.faust_app import FaustOptions, PartitionedStore, RestoreFailed, add_table, create_app
from streams.faust_app.batch import Batch

CHANGELOG = "app-customers-changelog"


class Customers:
    def __init__(self, number: int) -> None:
        self.number = number
        self.records: list[tuple[bytes | None, bytes | None]] = []
        self.restored_in: list[int] = []
        self.revoked = False

    def restore(self, batch: Batch) -> None:
        for record in batch.records:
            if record.key is None:
                raise ValueError("no key")
            self.records.append((record.key, record.value))

    def on_restored(self, generation: int) -> None:
        self.restored_in.append(generation)

    def on_revoked(self) -> None:
        self.revoked = True


@pytest.fixture
async def store() -> PartitionedStore[Customers]:
    app = create_app(FaustOptions(app_id="app", broker_urls=("kafka://127.0.0.1:1",)))
    return add_table(app, "customers", Customers).states


def test_a_store_asked_for_before_the_loop_runs_leaves_the_choice_of_the_loop() -> None:
    app = create_app(FaustOptions(app_id="app", broker_urls=("kafka://127.0.0.1:1",)))
    table = add_table(app, "customers", Customers)
    assert isinstance(table.states, PartitionedStore)

    async def loop_of_the_table() -> bool:
        return table.loop is asyncio.get_running_loop()

    assert asyncio.run(loop_of_the_table())


def tps(*numbers: int) -> set[TP]:
    return {TP(CHANGELOG, number) for number in numbers}


async def rebalance(store: PartitionedStore[Customers], generation: int, *numbers: int) -> None:
    others = {TP("events", number) for number in range(9)}
    await store.on_rebalance(tps(*numbers) | others, set(), set(), generation)


def restore(store: PartitionedStore[Customers], number: int, *keys: bytes | None) -> None:
    records = [
        SimpleNamespace(offset=at, timestamp=0, key=key, value=b"v", headers=())
        for at, key in enumerate(keys)
    ]
    event: Any = SimpleNamespace(value=Batch.of(TP(CHANGELOG, number), records))
    store.apply_changelog_batch([event], bytes, bytes)


async def test_assigned_partitions_are_opened_and_told_when_complete(
    store: PartitionedStore[Customers],
) -> None:
    await rebalance(store, 5, 0, 2)
    assert set(store.partitions()) == {0, 2}
    restore(store, 2, b"a", b"b")
    assert store.partition(2).records == [(b"a", b"v"), (b"b", b"v")]
    assert store.partition(2).restored_in == []
    await store.on_recovery_completed(tps(0, 2), set())
    assert store.partition(0).restored_in == store.partition(2).restored_in == [5]


async def test_a_partition_restored_in_part_is_not_told_that_it_is_complete(
    store: PartitionedStore[Customers],
) -> None:
    await rebalance(store, 5, 0)
    restore(store, 0, b"a")
    store.app.consumer_generation_id = 6  # a rebalance comes in between
    await store.on_recovery_completed(tps(0), set())
    assert store.partition(0).restored_in == []
    await rebalance(store, 6, 0)
    assert store.persisted_offset(TP(CHANGELOG, 0)) == 0, "goes on after what it has"


async def test_a_revoked_partition_is_told_and_gone(store: PartitionedStore[Customers]) -> None:
    await rebalance(store, 5, 0, 1)
    lost = store.partition(1)
    await rebalance(store, 6, 0)
    assert lost.revoked
    with pytest.raises(KeyError):
        store.partition(1)
    restore(store, 1, b"late")
    assert lost.records == []


async def test_a_partition_that_stays_is_read_on_from_where_it_was(
    store: PartitionedStore[Customers],
) -> None:
    await rebalance(store, 5, 0)
    kept = store.partition(0)
    assert store.persisted_offset(TP(CHANGELOG, 0)) == -1
    restore(store, 0, b"a", b"b", b"c")
    store.advance(0, 40)
    store.advance(0, 30)
    await rebalance(store, 6, 0, 1)
    assert store.partition(0) is kept
    assert store.persisted_offset(TP(CHANGELOG, 0)) == 40
    assert store.persisted_offset(TP(CHANGELOG, 1)) == -1


async def test_a_missed_generation_means_a_restore_from_the_start(
    store: PartitionedStore[Customers],
) -> None:
    await rebalance(store, 5, 0)
    before = store.partition(0)
    store.advance(0, 40)
    await rebalance(store, 7, 0)
    assert before.revoked
    assert store.partition(0) is not before
    assert store.persisted_offset(TP(CHANGELOG, 0)) == -1


async def test_a_record_that_cannot_be_restored_stops_the_process(
    store: PartitionedStore[Customers],
) -> None:
    await rebalance(store, 5, 0)
    with pytest.raises(RestoreFailed, match="changelog/0@1 cannot be restored: no key"):
        restore(store, 0, b"a", None)
    await asyncio.sleep(0.05)
    assert store.crashed, "which takes app and worker with it once they run"
