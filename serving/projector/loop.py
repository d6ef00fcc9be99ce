"""The loop that carries a topic into Redis.

The offsets to resume from are stored in Redis, written together with the records. So a Redis that
comes back empty or with older data is filled again from there, whatever the consumer group says.
The group's offsets are committed for monitoring only.
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
from serving.projector.redis_retry import RedisRetry
from serving.projector.resume import ResumePoint, end_offsets, resume
from serving.projector.sources import Source
from serving.view.chunks import Chunk
from serving.view.generation import StaleWriter
from serving.view.generations import RedisView
from serving.view.redis import ViewError
from streams.faust_app import open_records, read_positions

R = TypeVar("R")

_POLL_MS = 500
_BATCH_MAX_RECORDS = 2_000
_COMMIT_TIMEOUT_S = 5.0
_PAUSE_S = 0.2
_LAG_EVERY_S = 2.0
_SWEEP_EVERY_S = 600.0

_log = structlog.get_logger(__name__)


class Projection(ConsumerRebalanceListener, Generic[R]):  # type: ignore[misc]
    """Applies the records of a topic as they come, for the partitions assigned to this process.

    Args:
        consumer: connected, of the source's group, without a subscription.
        view: whose current generation to write to.
        source: the topic.
        meter: receives the metrics.
        health: receives the state.
        wall_ms: the wall clock, in milliseconds since 1970.
        stop: ends the waiting for a Redis that is away.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        view: RedisView,
        source: Source[R],
        meter: ViewMeter,
        health: LoopHealth,
        wall_ms: Callable[[], int],
        stop: asyncio.Event,
    ) -> None:
        self._consumer = consumer
        self._view = view
        self._source = source
        self._topic = source.topic
        self._meter = meter
        self._health = health
        self._wall_ms = wall_ms
        self._redis = RedisRetry(consumer, meter, health, stop, self._behind_s)
        self._point: ResumePoint[R] | None = None
        self._assignments = 0
        self._committing = asyncio.Lock()
        self._current_ms = wall_ms()
        self._pending_ms: int | None = None
        self._measured_s = self._swept_s = float("-inf")

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe([self._topic], listener=self)

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Partitions may go to another process; a batch in hand is applied in any case.

        Its offsets are not committed any more: the group would refuse the generation that ends now,
        and aiokafka would then join it as a stranger.
        """
        self._forget_resume_point()
        async with self._committing:
            pass
        for partition in revoked:
            self._meter.revoked(self._topic, partition.partition)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Partitions came; `run_once` then asks Redis where to resume them."""
        self._forget_resume_point()
        _log.info("partitions assigned", partitions=sorted(tp.partition for tp in assigned))

    async def run_once(self) -> None:
        """Find the resume point if there is none, else read a batch, apply it and measure the lag.

        Raises:
            ViewError: Kafka refuses, or the view is too far behind to go on.
            RedisError: Redis refuses, or does not answer when the process stops.
        """
        self._health.heartbeat()
        try:
            await self._step()
        except StaleWriter as stale:
            _log.warning("reading the offsets to resume from again", reason=str(stale))
            self._meter.rewound()
            self._forget_resume_point()
            await asyncio.sleep(_PAUSE_S)
        except (IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError):
            # The assignment changed under our hands, or the topic its offset bounds.
            self._forget_resume_point()
            await asyncio.sleep(_PAUSE_S)
        except KafkaError as error:
            # Requests fail so during a long outage of the brokers; aiokafka does not retry them.
            if not (error.retriable or isinstance(error, KafkaTimeoutError)):
                raise ViewError(f"cannot read {self._topic}: {error}") from error
            _log.warning("waiting for Kafka", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_PAUSE_S)

    async def _step(self) -> None:
        if self._point is None:
            await self._redis.run(self._find_resume_point)
            if self._point is None:
                await self._redis.wait(_PAUSE_S)
            return
        batch = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH_MAX_RECORDS)
        point: ResumePoint[R] | None = self._point  # the assignment may have changed meanwhile
        if point is None or any(tp.partition not in point.next_offsets for tp in batch):
            self._forget_resume_point()
            return
        if batch:
            await self._project(point, batch)
        now_s = asyncio.get_running_loop().time()
        if now_s - self._measured_s >= _LAG_EVERY_S:
            self._measured_s = now_s
            await self._check_lag(point)
        if self._source.sweeps and now_s - self._swept_s >= _SWEEP_EVERY_S:
            self._swept_s = now_s
            await self._sweep()

    async def _find_resume_point(self) -> None:
        assignments = self._assignments
        writer = self._source.writer(await self._view.open())
        partitions = [tp.partition for tp in self._consumer.assignment()]
        if not await writer.may_begin(partitions):
            return
        point = await resume(self._consumer, writer, self._topic, self._wall_ms(), self._meter)
        if assignments == self._assignments:
            self._point = point
            self._current_ms = point.current_ms
            self._health.assigned = bool(point.next_offsets)

    def _forget_resume_point(self) -> None:
        self._assignments += 1
        self._point = None
        self._health.assigned = False
        self._health.delay_s = None

    async def _project(
        self, point: ResumePoint[R], batch: Mapping[TopicPartition, Sequence[ConsumerRecord]]
    ) -> None:
        started_s = asyncio.get_running_loop().time()
        self._pending_ms = min(records[0].timestamp for records in batch.values())
        chunks = self._source.read(batch, point.next_offsets, self._meter)
        await self._apply(point, chunks)
        self._pending_ms = max(records[-1].timestamp for records in batch.values())
        self._meter.applied_in(asyncio.get_running_loop().time() - started_s)
        if self._point is point:
            await self._commit({tp: point.next_offsets[tp.partition] for tp in batch})

    async def _apply(
        self, point: ResumePoint[R], chunks: Sequence[Chunk[R]], current_ms: int = 0
    ) -> None:
        applied = await self._redis.run(lambda: point.writer.apply(chunks, current_ms))
        for chunk in chunks:
            point.next_offsets[chunk.partition] = chunk.after
        for outcome in ("applied", "removed", "skipped", "coalesced"):
            self._meter.records(outcome, getattr(applied, outcome))

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            async with self._committing, asyncio.timeout(_COMMIT_TIMEOUT_S):
                await self._consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            # Nothing depends on it: the offsets that count are stored in Redis.
            _log.info("offsets not committed", reason=type(error).__name__)

    async def _check_lag(self, point: ResumePoint[R]) -> None:
        """Measure lag and delay; when Redis lacks nothing, store the time there.

        That write also checks the stored offsets, so an emptied Redis is noticed even if no record
        comes.
        """
        assigned = self._consumer.assignment()
        ends = await end_offsets(self._consumer, assigned)
        positions = read_positions(self._consumer, assigned)
        if self._point is not point or positions.keys() != assigned:
            return  # partitions have moved; those that came have no position before we seek
        chunks: list[Chunk[R]] = []
        lacking = 0
        for tp in assigned:
            # Not the offset after the last record, but the consumer's own: a gap may follow it.
            reached = positions[tp]
            chunks.append(Chunk(tp.partition, point.next_offsets[tp.partition], reached, ()))
            # Our own records may be among those behind a transaction of somebody else.
            waiting = open_records(self._consumer, tp)
            lag = max(0, ends[tp] - reached) + waiting
            self._meter.lag(self._topic, tp.partition, lag)
            self._meter.open_transaction(self._topic, tp.partition, ends[tp], waiting)
            lacking += lag
        if lacking == 0:
            now_ms = self._wall_ms()
            await self._apply(point, chunks, now_ms)
            self._current_ms, self._pending_ms = now_ms, None
        elif self._is_too_old():
            raise ViewError(
                "the view has been behind for so long that Kafka may no longer have the erasures "
                "it missed; start the projector again and it will build the view anew"
            )
        self._health.delay_s = self._behind_s() if lacking else 0.0
        self._meter.delay(self._health.delay_s)

    async def _sweep(self) -> None:
        if await self._redis.run(self._view.leftovers):
            deleted = await self._redis.run(self._view.sweep)
            _log.info("deleted what an interrupted rebuild had left", keys=deleted)

    def _is_too_old(self) -> bool:
        kept_ms = self._source.removals_kept_ms
        return kept_ms is not None and self._wall_ms() - self._current_ms > kept_ms

    def _behind_s(self) -> float:
        since_ms = self._current_ms if self._pending_ms is None else self._pending_ms
        return max(0, self._wall_ms() - since_ms) / 1_000
