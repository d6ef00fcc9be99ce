"""States made anew from a log: what they are, and that no sequence is ever lowered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace

import streams.rebuild_state
from config.settings import Settings
from handlers.control_records import PolicyActivated, encode_control
from handlers.state.customer import unpack
from handlers.state.formats import RULES
from handlers.state.partition_state import unpack_meta
from scoring.policy import Policy
from streams.changelog_scan import ChangelogScan, Obstacle
from streams.kafka.headers import META_KEY
from streams.rebuild_state import _Rebuild
from tests.builders import day, order

POLICY = PolicyActivated(
    event_id="p", app_id="app", mode="live", allowed_lateness_ms=0, policy=Policy()
)
LOG = TopicPartition("customer-events", 0)


class Producer:
    """Keeps what is written, in order."""

    full = False

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, bytes | None]] = []

    def add(self, topic: str, _: int, key: bytes, value: bytes | None) -> None:
        self.records.append((topic, key, value))

    async def flush(self) -> None: ...


def logged(offset: int, key: bytes | None, value: bytes) -> Any:
    return SimpleNamespace(offset=offset, timestamp=7, key=key, value=value, headers=())


async def rebuilt(
    monkeypatch: pytest.MonkeyPatch,
    rules: int,
    until: int,
    sequences: dict[str, int],
    later: tuple[Any, ...] = (),
) -> list[tuple[str, bytes, bytes | None]]:
    policy = encode_control(replace(POLICY, rules=rules, format=2))
    records = [logged(0, None, policy)]
    records += [logged(at, b"ana", order(f"o{at}", "900", day(at))) for at in (1, 2, 3)]
    records += later

    async def read(*_: object) -> AsyncIterator[tuple[list[Any], int]]:
        yield records, 4

    monkeypatch.setattr(streams.rebuild_state, "read_to_end", read)
    rebuild = _Rebuild(LOG)
    await rebuild.apply(cast(Any, None), until, lambda *_: None)
    assert rebuild.is_under_other_rules == (rules not in (0, RULES))
    rebuild.sequences = sequences
    scan, producer = ChangelogScan(), Producer()
    scan.max_epoch = 6
    scan.obstacles = {
        key: Obstacle("changelog/0@1", "no state", is_foreign=False) for key in (b"ana", b"zoe")
    }
    await rebuild.write(Settings(), cast(Any, producer), scan, lambda *_: None)
    return producer.records


@pytest.mark.parametrize(("raised", "value"), [(True, 180_000), (False, 0)])
async def test_what_left_the_window_in_an_older_format_has_its_value_again(
    monkeypatch: pytest.MonkeyPatch,
    raised: bool,
    value: int,
) -> None:
    later = [logged(4, b"ana", order("o4", "900", day(367)))]
    if raised:
        later.append(logged(5, None, encode_control(replace(POLICY, rules=RULES, format=3))))
    records = await rebuilt(monkeypatch, RULES, 6, {}, tuple(later))
    ledger = unpack(cast(bytes, records[1][2])).ledger
    assert (ledger.orders_ever, ledger.frequency) == (4, 2)
    assert (ledger.gone_value, len(ledger.left)) == (value, 16 if raised else 0)


async def test_the_partitions_record_comes_first_and_what_is_no_customer_is_superseded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = await rebuilt(monkeypatch, RULES, 3, {})
    assert [key for _, key, _ in records] == [META_KEY, b"ana", b"zoe"]
    meta = unpack_meta(cast(bytes, records[0][2]))
    assert (meta.epoch, meta.applied) == (7, 2), "above all owners, and up to the committed offset"
    customer = unpack(cast(bytes, records[1][2]))
    assert (customer.epoch, customer.applied, customer.ledger.orders_ever) == (7, 2, 2)
    assert records[2][2] is None


async def test_under_other_rules_no_sequence_is_lower_and_profiles_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = await rebuilt(monkeypatch, RULES + 1, 4, {"ana": 1_000})
    assert unpack(cast(bytes, records[1][2])).sequence == 1_000
    assert ("customer-profiles", b"ana") in [(topic, key) for topic, key, _ in records]


async def test_a_sequence_that_is_higher_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = await rebuilt(monkeypatch, RULES, 4, {})
    other = await rebuilt(monkeypatch, RULES + 1, 4, {"ana": 0})
    ours, theirs = (unpack(cast(bytes, found[1][2])).sequence for found in (plain, other))
    assert ours == theirs > 0
