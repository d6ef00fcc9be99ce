"""What former owners wrote, and states that are too old, as a restore sees them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from handlers.control_records import PolicyActivated, encode_control
from handlers.state.customer import new_customer, pack, unpack
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import NEWEST, format_of
from handlers.state.partition_state import Meta, pack_meta
from scoring.policy import Policy
from streams.engine.fencing import OffsetRange, foreign_range
from streams.engine.owned_partition import LogGap, OwnedPartition
from streams.faust_app import (
    Batch,
    FaustOptions,
    PartitionedStore,
    RestoreFailed,
    add_table,
    create_app,
)
from streams.kafka.headers import META_KEY
from tests.support.changelog import changelog_batch

CHANGELOG = "app-customers-changelog"


def state(name: str, epoch: int, applied: int) -> tuple[bytes, bytes]:
    customer = new_customer(name)
    customer.epoch, customer.applied = epoch, applied
    return name.encode(), pack(customer)


def meta(epoch: int, applied: int, **more: Any) -> tuple[bytes, bytes]:
    found = Meta(epoch=epoch, applied=applied, policy=Policy(), clock_ms=0, **more)
    return META_KEY, pack_meta(found)


def restored(*records: tuple[bytes, bytes]) -> OwnedPartition:
    partition = OwnedPartition(0, lambda _: None)
    partition.restore(changelog_batch(records))
    partition.on_restored(9)
    return partition


def written(partition: OwnedPartition) -> tuple[list[str], bool]:
    """Whose states a checkpoint writes, and whether it writes the partition's own record."""
    batch = partition.take_flush_batch(checkpoint=True)
    return [name for name, _ in batch.states], batch.meta is not None


def test_a_state_that_stands_before_an_older_one_is_written_again() -> None:
    ours = meta(4, 40), state("ana", 4, 38), state("ben", 3, 20)
    partition = restored(*ours, state("ana", 3, 26), state("ben", 4, 30))
    assert written(partition) == (["ana"], False)
    assert written(partition) == ([], False)


def test_a_state_that_was_written_over_already_is_left_alone() -> None:
    states = state("ana", 4, 38), state("ana", 3, 26), state("ana", 4, 38)
    assert written(restored(meta(4, 40), *states)) == ([], False)


def test_a_state_in_a_later_format_than_its_partition_is_written_again_as_it_stands() -> None:
    ana = new_customer("ana")
    ana.epoch, ana.applied, ana.recent_events = 4, 38, bytes(8)
    partition = restored(meta(4, 20), (b"ana", pack(ana)), state("ana", 3, 26))
    [(name, packed)] = partition.take_flush_batch(checkpoint=True).states
    assert packed is not None
    assert (name, format_of(packed), unpack(packed).recent_events) == ("ana", NEWEST, bytes(8))


def test_a_new_customer_of_an_old_format_loses_nothing() -> None:
    partition = restored(meta(4, 20))
    ana = new_customer("ana")
    ana.recent_events = bytes(8)
    partition.partition.store.put(ana)
    with pytest.raises(FormatTooOld):
        partition.take_flush_batch(checkpoint=True)


def test_the_partitions_own_record_is_written_again_like_a_state() -> None:
    assert written(restored(meta(4, 40), meta(3, 26))) == ([], True)
    assert written(restored(meta(3, 26), meta(4, 40))) == ([], False)


def test_what_comes_in_a_later_generation_is_written_over_too() -> None:
    partition = restored(meta(4, 40), state("ana", 4, 38))
    partition.restore(changelog_batch([state("ana", 3, 26), meta(3, 26)]))
    partition.on_restored(10)
    assert written(partition) == (["ana"], True)


def test_a_state_that_comes_in_a_later_generation_has_its_profile_written() -> None:
    partition = restored(meta(4, 40))
    partition.restore(changelog_batch([state("ana", 4, 41)]))
    partition.on_restored(10)
    assert profiles(partition) == [], "the log is not applied as far"
    partition.take(taken(41), 0)
    assert profiles(partition) == ["ana"]
    assert profiles(partition) == []


def profiles(partition: OwnedPartition) -> list[str]:
    """Whose profiles a checkpoint writes."""
    batch = partition.take_flush_batch(checkpoint=True)
    return [profile.customer_id for profile in batch.profiles]


def test_a_profile_of_somebody_else_is_written_again_if_we_know_the_customer() -> None:
    partition = restored(meta(4, 40, profiles_end=7), state("ana", 4, 38))
    partition.take_flush_batch(checkpoint=True)
    partition.rewrite_profile(b"ana")
    partition.rewrite_profile(b"nobody")
    batch = partition.take_flush_batch(checkpoint=True)
    assert [profile.customer_id for profile in batch.profiles] == ["ana"]
    assert partition.profiles_end == 7


def test_while_profiles_are_to_be_written_again_a_successor_is_told_to_look_at_them() -> None:
    partition = restored(meta(4, 40, profiles_end=7), state("ana", 4, 38))
    partition.note_profiles(9, are_ours=True)
    assert finalized(partition) == 9
    partition.rewrite_profile(b"ana")
    batch = partition.take_flush_batch(checkpoint=True)
    partition.note_profiles(12, are_ours=False)  # found while those were written
    partition.finalize(batch)
    assert batch.meta is not None
    assert batch.meta.profiles_end == 9
    assert partition.profiles_end == 12
    partition.rewrite_profile(b"ana")
    assert finalized(partition) == 12


def finalized(partition: OwnedPartition) -> int | None:
    """What the record of a checkpoint says of the profiles."""
    partition.rewrite_record(META_KEY)
    batch = partition.take_flush_batch(checkpoint=True)
    partition.finalize(batch)
    assert batch.meta is not None
    return batch.meta.profiles_end


@pytest.mark.parametrize(
    ("count", "last", "found"),
    [
        (3, 13, None),
        (0, 10, None),
        (3, 14, OffsetRange(11, 14)),
        (0, 12, OffsetRange(11, 12)),
        (0, 9, None),
    ],
)
def test_others_may_have_written_what_we_have_not(
    count: int, last: int, found: OffsetRange | None
) -> None:
    assert foreign_range(10, count, last) == found


def taken(first: int, read_from: int | None = None) -> Any:
    value = encode_control(PolicyActivated("p", "app", "live", 0, Policy()))
    record: Any = SimpleNamespace(offset=first, timestamp=0, key=None, value=value, headers=())
    return SimpleNamespace(value=Batch.of(TP("log", 3), [record], read_from))


def test_a_state_that_ends_before_what_is_committed_is_not_gone_on_with() -> None:
    partition = restored(meta(4, 21))
    with pytest.raises(LogGap, match=r"log/3 goes on at offset 33, .* ends at offset 21"):
        partition.take(taken(33), 0)


def test_offsets_that_are_no_records_are_no_gap() -> None:
    partition = restored(meta(4, 21))
    partition.take(taken(33, read_from=22), 0)
    with pytest.raises(LogGap, match="goes on at offset 40"):
        partition.take(taken(45, read_from=40), 0)


def test_what_the_state_contains_may_come_again() -> None:
    partition = restored(meta(4, 21))
    partition.take(taken(15), 0)
    partition.take(taken(16), 0)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (b"zoe", b"garbage", "the state of 'zoe' is none that can be read"),
        (b"zoe", b"", "the state of 'zoe' is none that can be read"),
        (META_KEY, b"garbage", "Expected `object`"),
    ],
)
async def test_garbage_in_the_changelog_ends_the_restore_and_says_where(
    key: bytes, value: bytes, why: str
) -> None:
    app = create_app(FaustOptions(app_id="app", broker_urls=("kafka://127.0.0.1:1",)))
    table = add_table(app, "customers", lambda number: OwnedPartition(number, lambda _: None))
    store: PartitionedStore[OwnedPartition] = table.states
    await store.on_rebalance({TP(CHANGELOG, 2)}, set(), set(), 1)
    good = [state("ana", 1, 1), state("ben", 1, 2)]
    records: Any = [
        SimpleNamespace(offset=offset, timestamp=0, key=key, value=value, headers=())
        for offset, (key, value) in enumerate([*good, (key, value), *good], 15)
    ]
    event: Any = SimpleNamespace(value=Batch.of(TP(CHANGELOG, 2), records))
    store.apply_changelog_batch([event], bytes, bytes)
    with pytest.raises(RestoreFailed, match=f"^{CHANGELOG}/2@17 cannot be restored: .*{why}"):
        await store.on_recovery_completed({TP(CHANGELOG, 2)}, set())
    await asyncio.sleep(0.05)
    assert store.crashed, "which takes app and worker with it once they run"
