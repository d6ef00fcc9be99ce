"""Records of the log without a key: ours, and what somebody else put there."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from faust.types import TP

from cli.dump import dump_partition
from config.settings import Settings
from handlers.control_records import ClockTick, PolicyActivated, UnreadableControl, encode_control
from handlers.state.partition_state import Source
from scoring.policy import Policy
from streams.engine.owned_partition import OwnedPartition
from streams.faust_app import Batch
from tests.builders import day, order
from tests.driver import run

_POLICY = encode_control(PolicyActivated("p", "app", "live", 0, Policy()))


class _Logged:
    timestamp = 7
    headers = ()

    def __init__(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        self.offset, self.key, self.value = offset, key, value


class _Taken:
    def __init__(self, *values: bytes | None) -> None:
        records = [_Logged(offset, None, value) for offset, value in enumerate(values)]
        self.value = Batch.of(TP("log", 3), cast(Any, records))


def _after(*values: bytes | None) -> OwnedPartition:
    partition = OwnedPartition(3, lambda _: None)
    partition.on_restored(1)
    partition.take(cast(Any, _Taken(*values)), now_ms=0)
    return partition


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not_json"),
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"[]", "not_json"),
        (b"{}", "missing_field"),
        (b'{"type":7}', "missing_field"),
        (b'{"type":"clock.tock","at":1}', "missing_field"),
        (order("A1", "12", day(0)), "missing_field"),
        (b'{"type":"clock.tick"}', "missing_field"),
        (b'{"type":"policy.activated","policy":{"new":1}}', "missing_field"),
        (b'{"type":"clock.tick","at":253402300800000}', "missing_field"),
    ],
)
def test_what_is_neither_tick_nor_policy_is_a_dead_letter(value: bytes | None, reason: str) -> None:
    partition = _after(_POLICY, value, encode_control(ClockTick(1_000)))
    [letter] = partition.applier.dead_letters
    assert (letter.key, letter.value, letter.rejection.reason) == (None, value, reason)
    assert letter.origin is not None
    assert letter.origin.source == Source("log", 3, 1)
    assert partition.partition.meta.clock_ms == 1_000, "the log goes on behind it"


@pytest.mark.parametrize(
    "value",
    [
        b'{"type":"clock.tick","format":9}',
        b'{"type":"policy.activated","policy":1,"format":9}',
        b'{"type":"clock.tick","at":1,"format":100}',
    ],
)
def test_a_control_record_of_a_newer_version_stops_the_worker(value: bytes) -> None:
    with pytest.raises(UnreadableControl, match="log/3 has a control record at offset 1"):
        _after(_POLICY, value)


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"type":"policy.activated","format":9}'],
        [_POLICY, b'{"type":"clock.tick","at":"now","format":9}'],
    ],
)
def test_a_control_record_of_a_newer_version_stops_the_backtest(lines: list[bytes]) -> None:
    with pytest.raises(UnreadableControl, match=f"line {len(lines)} is a control record"):
        run(lines)


async def test_a_dump_leaves_out_what_has_no_key_and_is_not_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = [_POLICY, order("A1", "12", day(0)), None, encode_control(ClockTick(1_000))]

    class Consumer:
        async def start(self) -> None: ...

        async def stop(self) -> None: ...

    async def read(*_: object) -> AsyncIterator[tuple[list[_Logged], int]]:
        yield [_Logged(offset, None, value) for offset, value in enumerate(values)], len(values)

    monkeypatch.setattr("cli.dump.new_consumer", lambda _: Consumer())
    monkeypatch.setattr("cli.dump.read_to_end", read)
    target = io.BytesIO()
    found = await dump_partition(Settings(), 0, target, lambda *_: None)
    assert found == (2, 0, 2)
    assert target.getvalue().splitlines() == [values[0], values[3]]
