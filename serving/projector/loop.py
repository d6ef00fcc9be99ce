"""The loop that carries a topic into Redis.

The place from which to read stands in Redis, written together with the records. So a Redis that
comes back empty or with older data is filled again from there, whatever the consumer group says;
the group's offsets are committed for those who watch them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from serving.projector.health import LoopHealth
from serving.projector.metrics import ViewMeter
from serving.projector.redis_retry import Patience
from serving.projector.resume import Settled, end_offsets, settle
from serving.projector.sources import Stream
from serving.view.chunks import Chunk
from serving.view.generation import PlaceLost
from serving.view.generations import RedisView
from serving.view.redis import ViewError

R = TypeVar("R")

_POLL_MS = 500
_BATCH_MAX_RECORDS = 2_000
_COMMIT_TIMEOUT_S = 5.0
_PAUSE_S = 0.2
_LOOK_EVERY_S = 2.0
_SWEEP_EVERY_S = 600.0

_log = structlog.get_logger(__name__)


class Projection(ConsumerRebalanceListener, Generic[R]):  # type: ignore[misc]
    """Applies records as they come, for the partitions that the group gives to this process.

    Args:
        consumer: connected, of the stream's group, without a subscription.
        view: whose current generation to write to.
        stream: what to carry.
        meter: told about the work.
        health: told about the state.
        wall_ms: the wall clock, in milliseconds since 1970.
        stop: ends the waiting for a Redis that is away.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        view: RedisView,
        stream: Stream[R],
        meter: ViewMeter,
        health: LoopHealth,
        wall_ms: Callable[[], int],
        stop: asyncio.Event,
    ) -> None:
        self._consumer = consumer
        self._view = view
        self._stream = stream
        self._topic = stream.topic
        self._meter = meter
        self._health = health
        self._wall_ms = wall_ms
        self._patience = Patience(consumer, meter, health, stop, self._behind_s)
        self._settled: Settled[R] | None = None
        self._assignments = 0
        self._current_ms = wall_ms()
        self._pending_ms: int | None = None
        self._looked_s = self._swept_s = float("-inf")

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe([self._topic], listener=self)

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Partitions may go to another process; a batch in hand is applied in any case."""
        self._unsettle()
        for partition in revoked:
            self._meter.left(self._topic, partition.partition)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Partitions came; Redis is asked where to begin with them outside of this call."""
        self._unsettle()
        _log.info("partitions assigned", partitions=sorted(tp.partition for tp in assigned))

    async def turn(self) -> None:
        """Find the place if need be, else read a batch, apply and commit it, and look around.

        Raises:
            ViewError: it makes no sense to go on.
            RedisError: Redis refuses, or does not answer and we are to stop.
        """
        self._health.turned()
        try:
            await self._step()
        except PlaceLost as lost:
            _log.warning("taking the place anew from Redis", reason=str(lost))
            self._meter.rewound()
            self._unsettle()
            await asyncio.sleep(_PAUSE_S)
        except (IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError):
            self._unsettle()  # the assignment changed under our hands, or the topic its extent
            await asyncio.sleep(_PAUSE_S)
        except KafkaError as error:
            # A question to brokers that are away for long fails so; aiokafka does not ask again.
            if not (error.retriable or isinstance(error, KafkaTimeoutError)):
                raise ViewError(f"cannot read {self._topic}: {error}") from error
            _log.warning("waiting for Kafka", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_PAUSE_S)

    async def _step(self) -> None:
        if self._settled is None:
            await self._patience.do(self._settle)
            if self._settled is None:
                await self._patience.wait(_PAUSE_S)
            return
        batch = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH_MAX_RECORDS)
        settled: Settled[R] | None = self._settled  # the assignment may have changed meanwhile
        if settled is None or any(tp.partition not in settled.next_offsets for tp in batch):
            self._unsettle()
            return
        if batch:
            await self._project(settled, batch)
        now_s = asyncio.get_running_loop().time()
        if now_s - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = now_s
            await self._look(settled)
        if self._stream.sweeps and now_s - self._swept_s >= _SWEEP_EVERY_S:
            self._swept_s = now_s
            await self._sweep()

    async def _settle(self) -> None:
        assignments = self._assignments
        target = self._stream.into(await self._view.open())
        partitions = [tp.partition for tp in self._consumer.assignment()]
        if not await target.may_begin(partitions):
            return
        settled = await settle(self._consumer, target, self._topic, self._wall_ms(), self._meter)
        if assignments == self._assignments:
            self._settled = settled
            self._current_ms = settled.current_ms
            self._health.assigned = bool(settled.next_offsets)

    def _unsettle(self) -> None:
        self._assignments += 1
        self._settled = None
        self._health.assigned = False

    async def _project(
        self, settled: Settled[R], batch: Mapping[TopicPartition, Sequence[ConsumerRecord]]
    ) -> None:
        started_s = asyncio.get_running_loop().time()
        self._pending_ms = min(records[0].timestamp for records in batch.values())
        chunks = self._stream.read(batch, settled.next_offsets, self._meter)
        await self._apply(settled, chunks)
        self._pending_ms = max(records[-1].timestamp for records in batch.values())
        self._meter.applied_in(asyncio.get_running_loop().time() - started_s)
        await self._commit({tp: settled.next_offsets[tp.partition] for tp in batch})

    async def _apply(
        self, settled: Settled[R], chunks: Sequence[Chunk[R]], current_ms: int = 0
    ) -> None:
        applied = await self._patience.do(lambda: settled.target.apply(chunks, current_ms))
        for chunk in chunks:
            settled.next_offsets[chunk.partition] = chunk.after
        for outcome in ("applied", "removed", "skipped", "coalesced"):
            self._meter.records(outcome, getattr(applied, outcome))

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            async with asyncio.timeout(_COMMIT_TIMEOUT_S):
                await self._consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            # Nothing depends on it: the place that counts stands in Redis.
            _log.info("offsets not committed", reason=type(error).__name__)

    async def _look(self, settled: Settled[R]) -> None:
        """Measure lag and delay; when nothing is lacking, note that in Redis.

        The note also finds out whether Redis still has what it had, so an empty one is noticed
        even if no record comes.
        """
        assigned = self._consumer.assignment()
        ends = await end_offsets(self._consumer, assigned)
        chunks: list[Chunk[R]] = []
        lacking = 0
        for tp in assigned:
            # Not the last record but the consumer's position: a gap may follow that record.
            position = await self._consumer.position(tp)
            chunks.append(Chunk(tp.partition, settled.next_offsets[tp.partition], position, ()))
            lag = max(0, ends[tp] - position)
            self._meter.lag(self._topic, tp.partition, lag)
            lacking += lag
        if self._settled is not settled:
            return  # after a rebalance a position may lie past records that were not applied
        if lacking == 0:
            now_ms = self._wall_ms()
            await self._apply(settled, chunks, now_ms)
            self._current_ms, self._pending_ms = now_ms, None
        elif self._is_too_old():
            raise ViewError(
                "the view has been behind for so long that Kafka may no longer have the erasures "
                "it missed; start the projector again and it will build the view anew"
            )
        self._meter.delay(self._behind_s() if lacking else 0.0)

    async def _sweep(self) -> None:
        if await self._patience.do(self._view.leftovers):
            deleted = await self._patience.do(self._view.sweep)
            _log.info("deleted what an interrupted rebuild had left", keys=deleted)

    def _is_too_old(self) -> bool:
        kept_ms = self._stream.removals_kept_ms
        return kept_ms is not None and self._wall_ms() - self._current_ms > kept_ms

    def _behind_s(self) -> float:
        since_ms = self._current_ms if self._pending_ms is None else self._pending_ms
        return max(0, self._wall_ms() - since_ms) / 1_000
