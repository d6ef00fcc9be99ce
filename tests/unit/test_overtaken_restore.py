"""A restore that comes to its end while its partitions are being given back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from config.settings import Settings
from handlers.state.partition_state import Meta, pack_meta
from scoring.policy import Policy
from streams.engine.agent import Engine
from streams.engine.metrics import EngineMetrics
from streams.faust_app import FaustOptions, PartitionedStore, StreamApp, create_app
from streams.faust_app.recovery import StrictTables
from streams.kafka.headers import META_KEY
from streams.kafka.topics import changelog_name
from streams.runtime.metrics import Metrics
from tests.support.changelog import changelog_batch

_SETTINGS = Settings()
_CHANGELOG = changelog_name(_SETTINGS)
_TP = TP(_CHANGELOG, 2)


class _Producer:
    """Takes records, and lets something happen before Kafka has acknowledged them."""

    full = False

    def __init__(self) -> None:
        self.added: list[tuple[Any, ...]] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    def accumulator(self) -> _Producer:
        """Everybody's."""
        return self

    def check(self) -> None:
        """Nothing failed."""

    def add(self, *record: Any) -> None:
        self.added.append(record)

    async def flush(self) -> Mapping[TopicPartition, int]:
        if self.meanwhile is not None:
            await self.meanwhile()
        return {TopicPartition(*_TP): len(self.added) - 1}


class _Case:
    """An engine that joined, and whose restore of partition 2 has read everything."""

    def __init__(self) -> None:
        self.app: StreamApp = create_app(FaustOptions(_SETTINGS.app_id, ("kafka://127.0.0.1:1",)))
        self.app.consumer_generation_id = 1
        self.recovery = cast(StrictTables, self.app.tables).recovery
        self.recovery._generation_id = 1
        self.producer = _Producer()
        metrics = EngineMetrics(Metrics(), _SETTINGS.topic_prefix)
        self.engine = Engine(self.app, _SETTINGS, cast(Any, self.producer), metrics, lambda _: None)

    @property
    def store(self) -> PartitionedStore[Any]:
        return cast(PartitionedStore[Any], self.engine.table.states)

    async def restore(self) -> None:
        await self.store.on_rebalance({_TP}, set(), set(), 1)
        meta = Meta(epoch=1, applied=7, policy=Policy(), clock_ms=0)
        self.store.partition(2).restore(changelog_batch([(META_KEY, pack_meta(meta))], number=2))

    async def given_away(self) -> None:
        await self.store.on_rebalance(set(), set(), set(), 2)


@pytest.fixture
async def case() -> _Case:
    made = _Case()
    await made.restore()
    return made


async def test_its_partitions_are_not_taken_over_and_nothing_is_written_for_them(
    case: _Case,
) -> None:
    case.recovery.is_overtaken = True  # the group is being joined again
    await case.engine.drain()
    await case.store.on_recovery_completed({_TP}, set())  # Faust has not noticed yet
    case.producer.meanwhile = case.given_away
    await case.engine.flush()
    assert case.producer.added == []


async def test_without_a_rebalance_it_writes_that_they_are_ours(case: _Case) -> None:
    await case.store.on_recovery_completed({_TP}, set())
    await case.engine.flush()
    assert [(record[0], record[1]) for record in case.producer.added] == [tuple(_TP)]
