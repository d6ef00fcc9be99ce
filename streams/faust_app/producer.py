"""Writing by the batch: records go into aiokafka batches, and `flush` awaits every one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.structs import TopicPartition

_BUFFERED_MAX_BYTES = 64 * 1024 * 1024
_DELIVERY_TIMEOUT_MS = 120_000

Headers = Sequence[tuple[str, bytes]]


class BufferFull(RuntimeError):
    """More was added than may wait; the caller must flush when `BatchProducer.full` says so."""


class ProduceFailed(RuntimeError):
    """A batch could not be written. What was added to it and after it may or may not be there."""


class _HeldBack(KafkaError):  # type: ignore[misc]
    """A request that the guard did not let out; aiokafka does not try it again."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Filled:
    """One aiokafka batch and the bytes of its records."""

    __slots__ = ("builder", "size_bytes")

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.size_bytes = 0

    def append(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        timestamp_ms: int | None,
    ) -> int:
        """Add a record; its size, or 0 if the batch is full. The first always fits."""
        added = self.builder.append(timestamp=timestamp_ms, key=key, value=value, headers=headers)
        if added is None:
            return 0
        size_bytes: int = added.size
        self.size_bytes += size_bytes
        return size_bytes


class Accumulator:
    """Records of one producer that are sent together and awaited together.

    Records of one partition arrive in the order they were added. Several accumulators of a producer
    may be flushed at the same time; none waits for another.
    """

    def __init__(self, producer: BatchProducer) -> None:
        self._producer = producer
        self._pending: dict[TopicPartition, list[_Filled]] = {}
        self._open: dict[tuple[str, int], _Filled] = {}
        self._flushing = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether to flush before adding more: half of the producer's bound is taken."""
        return self._producer.full

    def add(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        timestamp_ms: int | None = None,
    ) -> None:
        """Put a record into the open batch of its partition; it is sent by the next `flush`.

        Args:
            topic: must exist.
            partition: which of its partitions; there is no partitioner here.
            key: the record's key.
            value: its value; None is a tombstone.
            headers: its headers, in order.
            timestamp_ms: since 1970; None takes the time of now.

        Raises:
            BufferFull: the producer's bound on buffered bytes is reached.
            ProduceFailed: an earlier flush failed.
        """
        producer = self._producer
        if not producer.takes_more:
            producer.refuse()
        told = headers if type(headers) is list else [*headers]
        batch = self._open.get((topic, partition))
        size_bytes = 0 if batch is None else batch.append(key, value, told, timestamp_ms)
        if not size_bytes:
            batch = self._begin(TopicPartition(topic, partition))
            size_bytes = batch.append(key, value, told, timestamp_ms)
        producer.buffered_bytes += size_bytes

    def _begin(self, tp: TopicPartition) -> _Filled:
        """The next batch of a partition."""
        batch = self._open[tp] = self._producer.create_batch()
        self._pending.setdefault(tp, []).append(batch)
        return batch

    async def flush(self) -> Mapping[TopicPartition, int]:
        """Send what was added and wait until the brokers have all of it.

        Records may be added meanwhile; they belong to the next flush. A second call waits for the
        first.

        Returns:
            the offset of the last record written, by partition.

        Raises:
            ProduceFailed: a batch was not written; the producer is of no further use.
            Exception: what the guard raised; nothing was written after it.
        """
        async with self._flushing:
            pending, self._pending, self._open = self._pending, {}, {}
            return await self._producer.deliver(pending)

    def check(self) -> None:
        """See that nothing failed.

        Raises:
            ProduceFailed: an earlier flush failed, of this or another accumulator of the producer.
        """
        self._producer.check()

    def clear(self) -> None:
        """Drop what was added."""
        self._pending.clear()
        self._open.clear()


class BatchProducer:
    """A producer whose records are added by the batch, and awaited by the flush.

    A partition has one batch on its way at a time, and after a failure nothing more is sent. A
    failure is final, so that nobody acks what was not written; the process is expected to stop.

    aiokafka gives a batch its producer id and sequence numbers when it leaves, so batches built by
    hand are idempotent like all others.

    Attributes:
        buffered_bytes: of what is added and not yet acknowledged, in all accumulators.
    """

    def __init__(
        self,
        open_producer: Callable[[], AIOKafkaProducer],
        *,
        buffered_max_bytes: int = _BUFFERED_MAX_BYTES,
        delivery_timeout_ms: int = _DELIVERY_TIMEOUT_MS,
    ) -> None:
        """Set up; `start` connects.

        Args:
            open_producer: makes aiokafka's producer, which needs a running loop.
            buffered_max_bytes: bound on what is added and not yet acknowledged.
            delivery_timeout_ms: how long one batch is tried. An idempotent producer of aiokafka
                would go on for ever, since nothing is ever written twice by it.
        """
        self.buffered_bytes = 0
        self._open_producer = open_producer
        self._buffered_max_bytes = buffered_max_bytes
        self._delivery_timeout_s = delivery_timeout_ms / 1000
        self._guard: Callable[[], Awaitable[None]] | None = None
        self._producer: Any = None
        self._failure: BaseException | None = None
        self._own = Accumulator(self)

    def guard_by(self, guard: Callable[[], Awaitable[None]]) -> None:
        """Ask ``guard`` right before each request that writes, tried again or not; before `start`.

        It returns when writing is right, and raises if it never will be: `flush` then raises the
        same.
        """
        self._guard = guard

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaConnectionError: no broker answers.
        """
        self._producer = self._open_producer()
        if self._guard is not None:
            client = self._producer.client
            client.send = _guarded(client.send, self._guard)
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise

    async def stop(self) -> None:
        """Disconnect. What was not flushed is dropped."""
        self._own.clear()
        if self._producer is not None:
            await self._producer.stop()

    # -- for one who writes all of it

    @property
    def full(self) -> bool:
        """Whether to flush before adding more: half of the bound is taken."""
        return self.buffered_bytes * 2 >= self._buffered_max_bytes

    def add(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        timestamp_ms: int | None = None,
    ) -> None:
        """As `Accumulator.add`, to the producer's own."""
        self._own.add(topic, partition, key, value, headers, timestamp_ms)

    async def flush(self) -> Mapping[TopicPartition, int]:
        """As `Accumulator.flush`, of the producer's own."""
        return await self._own.flush()

    # -- for accumulators

    def accumulator(self) -> Accumulator:
        """A new one, for records that are awaited apart from all others."""
        return Accumulator(self)

    @property
    def takes_more(self) -> bool:
        """Whether something may be added."""
        return self._failure is None and self.buffered_bytes < self._buffered_max_bytes

    def refuse(self) -> NoReturn:
        """Say why nothing may be added.

        Raises:
            BufferFull: the bound on buffered bytes is reached.
            ProduceFailed: an earlier flush failed.
        """
        self.check()
        raise BufferFull(f"{self.buffered_bytes} bytes wait for a flush")

    def create_batch(self) -> _Filled:
        """An empty batch."""
        return _Filled(self._producer.create_batch())

    async def deliver(
        self, pending: Mapping[TopicPartition, Sequence[_Filled]]
    ) -> Mapping[TopicPartition, int]:
        """Send batches by partition and await them, as `Accumulator.flush`."""
        self.check()
        sends = [self._send(tp, batches) for tp, batches in pending.items()]
        try:
            results = await asyncio.gather(*sends, return_exceptions=True)
        except BaseException as cancelled:
            self._failure = cancelled  # what was on its way is unknown
            raise
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            self._failure = failures[0]
            raise failures[0]
        return dict(zip(pending, results, strict=True))

    async def _send(self, tp: TopicPartition, batches: Sequence[_Filled]) -> int:
        """Send the batches of one partition one after another; the last offset written."""
        last_offset = -1
        for batch in batches:
            self.check()  # of another accumulator, meanwhile
            batch.builder.close()
            count = batch.builder.record_count()
            try:
                async with asyncio.timeout(self._delivery_timeout_s):
                    written = await self._producer.send_batch(
                        batch.builder, tp.topic, partition=tp.partition
                    )
                    last_offset = (await written).offset + count - 1
            except _HeldBack as held:
                raise held.reason from None
            except TimeoutError:
                raise ProduceFailed(
                    f"{tp.topic}/{tp.partition}: not acknowledged within "
                    f"{self._delivery_timeout_s:g} s"
                ) from None
            except InvalidTimestampError as error:
                raise ProduceFailed(
                    f"{tp.topic}/{tp.partition}: Kafka refuses the time of our records; the clock "
                    "of this machine, or the broker's, is wrong"
                ) from error
            except Exception as error:
                raise ProduceFailed(f"{tp.topic}/{tp.partition}: {error!r}") from error
            self.buffered_bytes -= batch.size_bytes
        return last_offset

    def check(self) -> None:
        """As `Accumulator.check`."""
        if self._failure is not None:
            raise ProduceFailed(f"an earlier flush failed: {self._failure!r}")


def _guarded(
    send: Callable[..., Awaitable[Any]], guard: Callable[[], Awaitable[None]]
) -> Callable[..., Awaitable[Any]]:
    """The ``send`` of aiokafka's client, after the guard where the request writes records."""

    async def ask_and_send(node_id: int, request: Any, **options: Any) -> Any:
        if isinstance(request, ProduceRequest):
            try:
                await guard()
            except Exception as error:
                raise _HeldBack(error) from error
        return await send(node_id, request, **options)

    return ask_and_send
