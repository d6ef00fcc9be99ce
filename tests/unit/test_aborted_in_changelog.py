"""What a transaction wrote into our changelog by mistake: aborted, committed, or still open."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from config.settings import Settings
from handlers.state.partition_state import Meta, pack_meta
from scoring.policy import Policy
from streams.engine.fencing import Fencing
from streams.engine.owned_partition import OwnedPartition
from streams.kafka.foreign import ForeignRecords
from streams.kafka.headers import META_KEY
from tests.support.changelog import changelog_batch

_TP = TopicPartition("tierstream-customers-changelog", 0)
_FIRST, _LAST = 10, 12
"""A record that is no state, one that is under a key of nobody, and the end of the transaction."""


class _Consumer:
    """Hands over some records, and has read up to an offset, where the stable records end."""

    def __init__(self, records: list[Any], reached: int) -> None:
        self._records = records
        self._reached = reached

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def assign(self, _: object) -> None: ...

    def seek(self, *_: object) -> None: ...

    def assignment(self) -> set[TopicPartition]:
        return {_TP}

    def last_stable_offset(self, _: TopicPartition) -> int:
        return self._reached

    async def position(self, _: TopicPartition) -> int:
        return self._reached

    async def getmany(self, tp: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        assert timeout_ms > 0
        return {tp: self._records}


@pytest.mark.parametrize(
    ("committed", "stable", "counted"),
    [(False, _LAST + 1, 0), (True, _LAST + 1, 2), (False, _FIRST, 2)],
    ids=["aborted", "committed", "open"],
)
async def test_only_what_was_aborted_is_seen_by_nobody(
    committed: bool, stable: int, counted: int
) -> None:
    records = [
        SimpleNamespace(topic=_TP.topic, partition=0, offset=offset, key=key, value=b"x")
        for offset, key in enumerate([b"nobody", b"\xff"], _FIRST)
    ]
    noted: list[str] = []
    partition = OwnedPartition(0, lambda _: None)
    meta = Meta(epoch=1, applied=7, policy=Policy(), clock_ms=0)
    partition.restore(changelog_batch([(META_KEY, pack_meta(meta))]))
    partition.on_restored(2)
    partition.take_flush_batch(checkpoint=True)
    seen = records if committed else []
    fencing = Fencing(
        Settings(),
        lambda _: cast(Any, _Consumer(records, _LAST + 1)),
        foreign=ForeignRecords(noted.append),
        open_committed=lambda _: cast(Any, _Consumer(seen, stable)),
    )
    states: Any = SimpleNamespace(reflected=lambda _: _FIRST - 1, advance=lambda *_: None)
    await fencing.compare(partition, states, 0, {_TP: _LAST})
    assert len(noted) == counted
    written = partition.take_flush_batch(checkpoint=False).states
    assert [name for name, _ in written] == (["nobody"] if counted else [])
