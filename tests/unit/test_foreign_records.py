"""Records in our own topics that are not ours: passed over and counted, whatever they hold."""

from __future__ import annotations

import json
import logging
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from aiokafka import TopicPartition
from faust.types import TP

from cli.dump import LogLines
from config.settings import Settings
from handlers.control_records import ClockTick, PolicyActivated, encode_control
from handlers.merge.forwarding import ForwardedEvent, Hop, Transfer, encode_forwarded
from handlers.state.customer import new_customer, pack
from handlers.state.partition_state import Meta, pack_meta
from scoring.policy import Policy
from streams.engine.fencing import Fencing
from streams.engine.owned_partition import OwnedPartition
from streams.engine.restoring import UnreadableState
from streams.faust_app import Batch
from streams.kafka.dead_letter import dead_letter
from streams.kafka.foreign import ForeignRecords, fault_of_key
from streams.kafka.headers import META_KEY
from tests.builders import day, edited, erased, order
from tests.support.changelog import CHANGELOG, changelog_batch
from tierstream_client.alert import UnreadableAlert, read_alert

POLICY = encode_control(PolicyActivated("p", "app", "live", 0, Policy()))
TICK = encode_control(ClockTick(1_000))
FOREIGN_KEYS = (b"\xff", b"", b"a\x00b", b"x" * 129, None)


class Counted(ForeignRecords):
    """Counts by topic."""

    def __init__(self) -> None:
        self.topics: Counter[str] = Counter()
        super().__init__(lambda topic: self.topics.update([topic]))


def state(customer_id: str, epoch: int = 1, applied: int = 3) -> tuple[bytes, bytes]:
    customer = new_customer(customer_id)
    customer.epoch, customer.applied = epoch, applied
    return customer_id.encode(), pack(customer)


META = META_KEY, pack_meta(Meta(epoch=1, applied=3, policy=Policy(), clock_ms=0))


def logged(offset: int, key: bytes | None, value: bytes | None, *headers: Any) -> Any:
    return SimpleNamespace(offset=offset, timestamp=7, key=key, value=value, headers=headers)


def taken(*records: Any, foreign: ForeignRecords | None = None) -> OwnedPartition:
    """A partition that has taken a log."""
    partition = OwnedPartition(3, lambda _: None, foreign=foreign)
    partition.on_restored(1)
    batch = Batch.of(TP("log", 3), records)
    partition.take(cast(Any, SimpleNamespace(value=batch)), now_ms=0)
    return partition


def letters(partition: OwnedPartition) -> list[tuple[bytes | None, str]]:
    return [(one.key, one.rejection.reason) for one in partition.applier.dead_letters]


def test_no_letter_of_the_engine_holds_a_byte_of_an_erased_customer() -> None:
    """Whoever wrote the record, and whatever is wrong with it."""
    secret = b"secret"
    of_ana = edited(order("o1", "-5", day(2)), note=secret.decode())
    records = [
        logged(0, None, POLICY),
        logged(1, b"ana", erased(day(1))),
        logged(2, b"ana", of_ana),
        logged(3, b"ben", of_ana),
        logged(4, None, of_ana),
        logged(5, b"ana", b"no json: " + secret),
        logged(6, b"ana", edited(of_ana, channel=5)),
        logged(7, b"ana", of_ana, ("onward", b"what is this")),
    ]
    partition = taken(*records)
    found = [dead_letter(*one) for one in partition.applier.dead_letters]
    assert [reason for _, reason in letters(partition)] == ["erased_customer"] * 6
    assert [one.value for one in found] == [None] * 6
    assert all(secret not in value for one in found for _, value in one.headers)


# How they are counted and logged


def test_each_is_counted_and_of_a_topic_one_is_logged_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts: Counter[str] = Counter()
    now_s = 0.0
    foreign = ForeignRecords(lambda topic: counts.update([topic]), lambda: now_s)
    with caplog.at_level(logging.WARNING):
        for offset in range(1_000):
            foreign.note("profiles", 2, offset, "its key is no UTF-8")
        foreign.note("log", 0, 5, "it has no key")
        now_s = 61.0
        foreign.note("profiles", 2, 1_000, "its key is no UTF-8")
    assert counts == {"profiles": 1_001, "log": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "passed over profiles/2@0: its key is no UTF-8",
        "passed over log/0@5: it has no key",
        "passed over profiles/2@1000: its key is no UTF-8; 999 more since the last such line",
    ]


@pytest.mark.parametrize("key", FOREIGN_KEYS)
def test_what_is_no_customer_id_is_no_key_of_ours(key: bytes | None) -> None:
    assert fault_of_key(key) is not None
    assert fault_of_key("kundin-ä".encode()) is None


# In the changelog


def test_a_restore_passes_over_foreign_keys_whatever_their_value() -> None:
    foreign = Counted()
    partition = OwnedPartition(0, lambda _: None, foreign=foreign)
    strange = [(key, value) for key in FOREIGN_KEYS for value in (b"x", None, state("a")[1])]
    partition.restore(changelog_batch([META, state("ana"), *strange, state("ben")]))
    partition.on_restored(2)
    assert partition.partition.store.ids() == ["ana", "ben"]
    with_value = [record for record in strange if record[1] is not None]
    assert foreign.topics == {CHANGELOG: len(with_value)}


@pytest.mark.parametrize("value", [b"no state", b"", b"\x91", b"\x90", b'{"a":1}'])
def test_a_customers_newest_record_that_is_no_state_is_refused_by_name(value: bytes) -> None:
    partition = OwnedPartition(0, lambda _: None)
    partition.restore(changelog_batch([META, state("ana"), (b"ana", value), (b"\xff", b"x")], 4))
    match = rf"{CHANGELOG}/4@2 cannot be restored: the state of 'ana' is none"
    with pytest.raises(UnreadableState, match=match):
        partition.on_restored(2)
    assert not partition.is_restored


def test_a_broken_state_in_a_batch_that_looks_right_is_refused_too() -> None:
    partition = OwnedPartition(0, lambda _: None)
    partition.restore(changelog_batch([META, (b"ana", b"\x90")]))
    with pytest.raises(UnreadableState, match="the state of 'ana' cannot be read"):
        partition.on_restored(2)


def test_the_partitions_own_record_that_cannot_be_read_is_refused() -> None:
    partition = OwnedPartition(0, lambda _: None)
    partition.restore(changelog_batch([META, (META_KEY, b"x"), state("ana")]))
    with pytest.raises(UnreadableState, match=r"/0@1 cannot be restored: the partition's own"):
        partition.on_restored(2)


def test_what_was_written_over_by_a_state_since_is_no_obstacle() -> None:
    partition = OwnedPartition(0, lambda _: None)
    partition.restore(changelog_batch([META, (b"ana", b"x"), (b"ben", b"x"), (META_KEY, b"x")]))
    partition.restore(changelog_batch([state("ana"), (b"ben", None), META], 0, 4))
    partition.on_restored(2)
    assert partition.partition.store.ids() == ["ana"]


def test_a_state_behind_which_a_null_record_stands_is_written_again() -> None:
    """Compaction would keep nothing of the customer."""
    partition = OwnedPartition(0, lambda _: None)
    partition.restore(changelog_batch([META, state("ana"), state("ben"), (b"ana", None)]))
    partition.on_restored(2)
    assert [name for name, _ in partition.take_flush_batch(checkpoint=False).states] == ["ana"]


def test_after_a_rebalance_that_leaves_the_partition_here_they_are_written_over() -> None:
    foreign = Counted()
    partition = OwnedPartition(0, lambda _: None, foreign=foreign)
    partition.restore(changelog_batch([META, state("ana"), state("ben")]))
    partition.on_restored(2)
    partition.take_flush_batch(checkpoint=True)
    again = [(b"ana", b"x"), (b"ben", None), (b"nobody", b"x"), (b"\xff", b"x"), (META_KEY, b"x")]
    partition.restore(changelog_batch([*again, (None, b"x")], 0, 3))
    partition.on_restored(3)
    batch = partition.take_flush_batch(checkpoint=True)
    assert {name: value is not None for name, value in batch.states} == {
        "ana": True,
        "ben": True,
        "nobody": False,
    }
    assert batch.meta is not None
    assert foreign.topics == {CHANGELOG: 5}


class _Consumer:
    """Hands over what somebody wrote."""

    def __init__(self, records: list[Any]) -> None:
        self._records = records

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def assign(self, _: object) -> None: ...

    def seek(self, *_: object) -> None: ...

    async def position(self, _: TopicPartition) -> int:
        return int(self._records[-1].offset) + 1

    async def getmany(self, tp: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        assert timeout_ms > 0
        return {tp: self._records}


def _fencing(foreign: ForeignRecords, topic: str, *records: tuple[bytes | None, Any]) -> Fencing:
    found = [
        SimpleNamespace(topic=topic, partition=0, offset=offset, key=key, value=value)
        for offset, (key, value) in enumerate(records, 10)
    ]
    return Fencing(Settings(), lambda _: cast(Any, _Consumer(found)), foreign=foreign)


async def test_an_owner_writes_over_what_somebody_writes_into_its_changelog() -> None:
    foreign = Counted()
    partition = OwnedPartition(0, lambda _: None)
    partition.restore(changelog_batch([META, state("ana"), state("ben")]))
    partition.on_restored(2)
    partition.take_flush_batch(checkpoint=True)
    topic = "tierstream-customers-changelog"
    written = [(b"\xff", b"x"), (None, b"x"), (b"ana", b"x"), (b"ben", None), (b"nobody", b"x")]
    fencing = _fencing(foreign, topic, *written)
    states: Any = SimpleNamespace(reflected=lambda _: 9, advance=lambda *_: None)
    await fencing.compare(partition, states, 0, {TopicPartition(topic, 0): 14})
    found = partition.take_flush_batch(checkpoint=False).states
    assert {name: value is not None for name, value in found} == {
        "ana": True,
        "ben": True,
        "nobody": False,
    }
    assert foreign.topics == {topic: 4}


async def test_an_owner_passes_over_what_is_no_profile_and_writes_its_own_again() -> None:
    foreign = Counted()
    partition = OwnedPartition(0, lambda _: None)
    partition.restore(changelog_batch([META, state("ana")]))
    partition.on_restored(2)
    partition.take_flush_batch(checkpoint=True)
    partition.note_profiles(9, are_ours=True)
    written = [(b"\xff", b"x"), (None, b"x"), (b"ana", b"x"), (b"nobody", b"x")]
    fencing = _fencing(foreign, "customer-profiles", *written)
    newest = {TopicPartition("customer-profiles", 0): 13}
    await fencing.compare(partition, cast(Any, None), 0, newest)
    assert list(partition.partition.stale_profiles) == ["ana"]
    assert foreign.topics == {"customer-profiles": 2}


# In the log


@pytest.mark.parametrize("key", FOREIGN_KEYS)
def test_a_record_of_the_log_with_a_key_of_nobody_is_a_dead_letter_and_the_rest_goes_on(
    key: bytes | None,
) -> None:
    partition = taken(logged(0, None, POLICY), logged(1, key, b"\xff"), logged(2, None, TICK))
    assert letters(partition) == [(key, "not_json")]
    assert partition.partition.meta.clock_ms == 1_000


def test_a_record_under_another_key_than_its_customers_is_a_dead_letter() -> None:
    """In its own partition there may be another state of the customer."""
    event = order("o1", "10", day(1))
    log = [logged(0, None, POLICY), logged(1, b"ben", event), logged(2, b"\xff", event)]
    partition = taken(*log)
    assert letters(partition) == [(b"ben", "invalid_value"), (b"\xff", "invalid_value")]
    assert partition.partition.store.ids() == []
    lines = LogLines("log")
    assert [lines.line_of(record) for record in log] == [POLICY, None, None]


FORGED_SOURCES = (b"", b"x", b"0/1", b"a/b/c/d", b"\xff/1/2/t", b"0/-1/2/t", b"0/1e9/2/t", None)


@pytest.mark.parametrize("source", FORGED_SOURCES)
def test_a_record_with_a_source_that_cannot_be_read_is_as_one_without(source: Any) -> None:
    event = order("o1", "10", day(1))
    partition = taken(
        logged(0, None, POLICY), logged(1, b"ana", event, ("source", source)), logged(2, None, TICK)
    )
    assert letters(partition) == []
    assert partition.partition.store.ids() == ["ana"]
    assert partition.partition.meta.source_offsets == {}


def transfer(**more: Any) -> Transfer:
    fields = {"into": "ben", "via": (Hop("ana", 1),), "customer_id": "ana", "event_id": "m"}
    return Transfer(**{**fields, "occurred_ms": 1, "left_ms": 1, **more})


GOOD = transfer()
FROM = ("onward-from", b"0/7")


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        *(
            (pack(new_customer("ana")), [("onward", encode_forwarded(GOOD)), ("onward-from", at)])
            for at in (b"", b"7", b"x/y", b"0/-1", b"\xff/1", b"0/1e3", None)
        ),
        (b"no state", [("onward", encode_forwarded(GOOD)), FROM]),
        (None, [("onward", encode_forwarded(GOOD)), FROM]),
        (pack(new_customer("eve")), [("onward", encode_forwarded(GOOD)), FROM]),
        (pack(new_customer("ana")), [("onward", b"not json"), FROM]),
        (pack(new_customer("ana")), [("onward", b""), FROM]),
        (pack(new_customer("ana")), [("onward", encode_forwarded(transfer(via=()))), FROM]),
        (pack(new_customer("ana")), [("onward", encode_forwarded(transfer(into="eve"))), FROM]),
        (pack(new_customer("ana")), [("onward", encode_forwarded(transfer(left_ms=2**70))), FROM]),
        (
            order("o1", "10", day(1)),
            [("onward", encode_forwarded(ForwardedEvent(into="eve"))), FROM],
        ),
    ],
)
def test_a_forged_forwarded_record_is_a_dead_letter_and_leaves_no_trace(
    value: bytes | None, headers: Any
) -> None:
    foreign = Counted()
    before = logged(1, b"ben", order("o0", "10", day(0), "ben"))
    log = [logged(0, None, POLICY), before, logged(2, b"ben", value, *headers)]
    partition = taken(*log, logged(3, None, TICK), foreign=foreign)
    [(key, reason)] = letters(partition)
    assert key == b"ben"
    assert reason in ("not_json", "invalid_value")
    assert foreign.topics == {"log": 1}
    assert partition.partition.store.ids() == ["ben"]
    assert partition.partition.meta.source_offsets == {}
    lines = LogLines("log")
    dumped = [lines.line_of(record) for record in log]
    assert dumped[2] is None, "a backtest of the dump does not see it either"
    assert lines.foreign == 1


def test_a_record_for_a_merged_customer_that_a_newer_version_wrote_stops_the_worker() -> None:
    content = b'{"type":"customer.moved","into":"ben","format":9}'
    with pytest.raises(Exception, match=r"log/3 has a record for a merged customer at offset 1"):
        taken(logged(0, None, POLICY), logged(1, b"ben", b"", ("onward", content), FROM))


def test_before_the_first_policy_every_record_is_a_dead_letter() -> None:
    event = order("o1", "10", day(1))
    log = [logged(0, b"ana", event), logged(1, None, TICK), logged(2, None, b"x")]
    log += [logged(3, None, POLICY), logged(4, b"ana", event)]
    partition = taken(*log)
    assert letters(partition) == [
        (b"ana", "invalid_value"),
        (None, "missing_field"),
        (None, "not_json"),
    ]
    assert partition.partition.store.applied("ana") == 4
    lines = LogLines("log")
    assert [lines.line_of(record) for record in log] == [None, None, None, POLICY, event]


# In the outputs


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"data":7}',
        b"[" * 100_000,
        json.dumps({"id": "1", "type": "t", "time": "t", "data": {"customer_id": "a"}}).encode(),
        b'{"id":"1","type":"t","time":"t","data":{"customer_id":"\\ud800","sequence":1}}',
        b'{"id":"1","type":"t","time":"t","data":{"customer_id":"a","sequence":9223372036854775808}}',
    ],
)
def test_a_client_passes_over_what_is_no_output(value: bytes | None) -> None:
    with pytest.raises(UnreadableAlert, match="alerts/0@5 is no output"):
        read_alert("alerts", 0, 5, value)


def test_what_is_read_of_a_forged_record_can_be_packed() -> None:
    """Numbers of any length may stand in a header."""
    event = order("o1", "10", day(1))
    source = ("source", b"1234567890/" + b"9" * 19 + b"/" + b"9" * 18 + b"/orders")
    partition = taken(logged(0, None, POLICY), logged(1, b"ana", event, source))
    assert msgspec.msgpack.decode(pack_meta(partition.partition.meta))
