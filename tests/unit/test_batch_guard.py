"""A producer asks its guard right before each request that writes, and tells what it said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from streams.faust_app import AssignmentLost, BatchProducer, ProduceFailed
from streams.faust_app.producer import _guarded

WRITE = ProduceRequest(None, -1, 1_000, [])
LOOK = MetadataRequest([])


class Wire:
    """Notes what is sent, and what the guard was asked, in their order."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.seen: list[str] = []
        self._refusal = refusal

    async def send(self, node_id: int, _request: Any, **_options: Any) -> str:
        self.seen.append(f"sent to {node_id}")
        return "answer"

    async def guard(self) -> None:
        self.seen.append("asked")
        if self._refusal is not None:
            raise self._refusal


async def test_the_guard_is_asked_before_what_writes_and_only_then() -> None:
    wire = Wire()
    send = _guarded(wire.send, wire.guard)
    assert await send(1, WRITE) == "answer"
    assert await send(2, LOOK, group=1) == "answer"
    assert wire.seen == ["asked", "sent to 1", "sent to 2"]


async def test_what_the_guard_refuses_does_not_go_out() -> None:
    wire = Wire(AssignmentLost("gone"))
    with pytest.raises(RuntimeError, match="gone"):
        await _guarded(wire.send, wire.guard)(1, WRITE)
    assert wire.seen == ["asked"]


class Silent:
    """aiokafka's producer, on a broker that never answers."""

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(1_000, 0)

    async def send_batch(self, *_: Any, **__: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()


async def test_a_batch_that_nobody_acknowledges_fails_in_time_and_for_good() -> None:
    producer = BatchProducer(Silent, delivery_timeout_ms=50)
    producer._producer = Silent()
    producer.add("orders", 3, None, b"value")
    with pytest.raises(ProduceFailed, match=r"orders/3: not acknowledged within 0\.05 s"):
        await producer.flush()
    with pytest.raises(ProduceFailed, match="an earlier flush failed"):
        producer.add("orders", 3, None, b"value")
