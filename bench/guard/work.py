"""The work that is timed: the reading limit, ingest, engine, and the rules alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Self, cast

import orjson

from bench.guard.inputs import END_MS, Fetch, Inputs, Taken, as_batch, plainly_read
from bench.offline import OfflineProducer, live_partition
from config.settings import Settings
from handlers.events import Event
from handlers.reasons import Rejection
from streams.engine.owned_partition import OwnedPartition
from streams.engine.records import EngineRecords
from streams.faust_app import StreamApp
from streams.ingest.agent import Ingest
from streams.runtime.metrics import Metrics

_PARTITIONS = 4
_CHECKPOINT_EVERY = 6
"""Flushes from one to the next that also writes profiles."""


def read(fetch: Fetch) -> None:
    """The reading limit: aiokafka's decoder and a JSON parse of every value."""
    parse = orjson.loads
    for record in plainly_read(fetch):
        parse(record.value)


class IngestWork:
    """The ingest agent, with a producer that sends nothing."""

    def __init__(self, producer: OfflineProducer) -> None:
        settings = Settings(partitions=_PARTITIONS)
        app = cast(StreamApp, _App())
        self._ingest = Ingest(app, settings, producer, Metrics(), _PARTITIONS, _now_ms)

    async def take(self, fetch: Fetch) -> None:
        """Read, check and forward the records of a fetch of an input topic."""
        await self._ingest.take(cast(Any, _Stream(fetch)))
        await self._ingest.flush()


class EngineWork:
    """One partition of the log, from its fetches to the records that follow from them.

    Args:
        producer: sends nothing.
        owned: a partition that is restored; None begins with an empty one.

    Attributes:
        states_written: how many states of customers were written so far.
    """

    def __init__(self, producer: OfflineProducer, owned: OwnedPartition | None = None) -> None:
        self.states_written = 0
        self._records = EngineRecords(Settings(partitions=_PARTITIONS))
        self._producer = producer
        self._fetches = 0
        self._owned = owned or empty_partition()

    def take(self, fetch: Fetch) -> None:
        """Read and apply the records of a fetch; write outputs and states, and profiles rarer."""
        self._fetches += 1
        self._owned.take(as_batch(fetch), END_MS)
        self.write(is_checkpoint=self._fetches % _CHECKPOINT_EVERY == 0)

    def write(self, *, is_checkpoint: bool = True) -> None:
        """As `streams.engine.flusher.Flusher` does, step by step."""
        batch, made = self._owned.take_flush_batch(checkpoint=is_checkpoint), self._records
        steps = [made.outputs, made.ownership, made.states]
        for records_of in [*steps, made.profiles, made.meta] if is_checkpoint else steps:
            for record in records_of(0, batch):
                self._producer.add(*record)
            self._producer.throw_away()
        self.states_written += len(batch.states)


def empty_partition() -> OwnedPartition:
    """A partition of which nothing was written yet."""
    owned = OwnedPartition(0, lambda _: None)
    owned.on_restored(1)
    return owned


class RulesWork:
    """The rules alone."""

    def __init__(self) -> None:
        self._partition = live_partition()
        self._offset = 0

    def decode(self, values: Sequence[bytes]) -> list[Event]:
        """The events of values."""
        found = [self._partition.admit(value) for value in values]
        return [event for event in found if not isinstance(event, Rejection)]

    def take(self, events: Sequence[Event]) -> None:
        """Apply events that are decoded already, and pack the states that follow."""
        partition, apply = self._partition, self._partition.apply
        for offset, event in enumerate(events, self._offset + 1):
            apply(offset, event)
        self._offset += len(events)
        partition.store.pack_changed(1)
        partition.context.outbox.clear()


async def _now_ms() -> int:
    return END_MS


class _App:
    """What ingest asks of its app when it is made; nobody runs its agents here."""

    maxsize = 0

    def batch_topic(self, *_names: str, **_options: Any) -> Self:
        return self

    topic = batch_topic

    @property
    def topic_guard(self) -> Self:
        return self

    def short_topic_id(self, _topic: str) -> str:
        return ""

    def agent(self, *_topics: Any, **_options: Any) -> Callable[[Any], None]:
        return lambda _agent: None

    def on_drain(self, _drain: Any) -> None:
        """It is never drained."""


class _Stream:
    """The stream of an agent that ends after one fetch."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def noack(self) -> Self:
        return self

    async def events(self) -> AsyncIterator[Taken]:
        yield as_batch(self._fetch)


class SilentProducer(OfflineProducer):
    """Builds real batches; a flush drops them."""

    async def flush(self) -> Any:
        """Nothing is sent."""
        self.throw_away()
        return {}


def check(inputs: Inputs) -> None:
    """See that the engine accepts all events: a load that is refused would cost nothing.

    Raises:
        AssertionError: some event is refused.
    """
    owned = empty_partition()
    for fetch in inputs.log:
        owned.take(as_batch(fetch), END_MS)
    assert owned.partition.context.tally.accepted.total() == inputs.events
