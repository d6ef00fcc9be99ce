"""The streams of this process: opens them, limits their number, and ends them all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError

from serving.api.metrics import ApiMeter
from serving.api.problems import Problem
from serving.api.sse.changes_consumer import ChangesConsumer
from serving.api.sse.filter import ChangeFilter
from serving.api.sse.position import (
    PARTITIONS_MAX,
    BadPosition,
    Partition,
    Position,
    decode_position,
)
from serving.api.sse.stream import ChangeStream

_START_TIMEOUT_S = 10.0


class StreamManager:
    """Opens streams, and counts those that are open.

    Args:
        new_consumer: makes a consumer, not yet connected.
        most: streams at a time.
        meter: receives the metrics.
        ending: when set, all end.
    """

    def __init__(
        self,
        new_consumer: Callable[[], ChangesConsumer],
        most: int,
        meter: ApiMeter,
        ending: asyncio.Event,
    ) -> None:
        self.ending = ending
        self.meter = meter
        self._new_consumer = new_consumer
        self._most = most
        self._open = 0

    @asynccontextmanager
    async def open(
        self, changes: ChangeFilter, last_id: str | None, since_ms: int | None
    ) -> AsyncIterator[ChangeStream]:
        """A stream.

        Args:
            changes: which to send.
            last_id: id of the last event seen, to resume after it; None to start a new stream.
            since_ms: where a new stream starts; None for now.

        Raises:
            Problem: there are too many, the position is wrong, or Kafka does not answer.
        """
        last = None if last_id is None else _position_of(last_id)
        if self._open >= self._most or self.ending.is_set():
            raise Problem(
                "too-many-streams",
                f"all {self._most} streams are taken",
                headers={"Retry-After": "10"},
            )
        self._count(1)
        consumer = self._new_consumer()
        try:
            start = await self._start(consumer, changes, last, since_ms)
            yield ChangeStream(consumer, changes, start, self.meter, time.monotonic)
        finally:
            try:
                await consumer.close()
            finally:
                self._count(-1)

    async def _start(
        self,
        consumer: ChangesConsumer,
        changes: ChangeFilter,
        last: Position | None,
        since_ms: int | None,
    ) -> Position:
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await consumer.connect(changes.topics)
                wanted = _limited(changes.partitions(consumer.partition_counts))
                if last is not None:
                    return last.restricted_to(wanted)
                if since_ms is None:
                    return Position(await consumer.ends(wanted), consumer.id_hashes)
                return Position(await consumer.since(wanted, since_ms), consumer.id_hashes)
        except BadPosition as error:
            raise Problem("bad-position", str(error)) from None
        except (KafkaError, OSError, TimeoutError, LookupError) as error:
            reason = str(error) or "it does not answer in time"
            raise Problem(
                "kafka-unavailable", f"no changes: {reason}", headers={"Retry-After": "5"}
            ) from None

    def _count(self, more: int) -> None:
        self._open += more
        self.meter.streams(self._open)


def _position_of(last_id: str) -> Position:
    try:
        return decode_position(last_id)
    except BadPosition as error:
        raise Problem("bad-position", str(error)) from None


def _limited(wanted: Sequence[Partition]) -> Sequence[Partition]:
    if len(wanted) > PARTITIONS_MAX:
        raise Problem(
            "bad-parameter",
            f"a stream reads at most {PARTITIONS_MAX} partitions; choose topics or customers",
        )
    return wanted
