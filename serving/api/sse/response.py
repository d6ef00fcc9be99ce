"""Sends a stream to a client that may be slow, gone, or no longer authorized."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import structlog
from aiokafka.errors import KafkaError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.api.metrics import ApiMeter
from serving.api.protocol import abort_of

SEND_TIMEOUT_S = 30.0

_log = structlog.get_logger(__name__)


class _SlowClient(Exception):
    """It took nothing for `SEND_TIMEOUT_S`."""


class EventStream(Response):
    """A response that goes on until the client disconnects or is cut off.

    While a client does not read, its connection's buffer is full and Kafka is not read either.
    After `SEND_TIMEOUT_S` it is cut off. It can resume later, by the id of its last event.

    Args:
        chunks: what to send; empty ones are not sent.
        cleanup: closed at the end.
        is_authorized: asked at every chunk.
        ending: when set, the stream ends in order.
        meter: counts streams ended by the server, by reason.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        cleanup: AsyncExitStack,
        is_authorized: Callable[[], bool],
        ending: asyncio.Event,
        meter: ApiMeter,
    ) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._chunks = chunks
        self._cleanup = cleanup
        self._is_authorized = is_authorized
        self._ending = ending
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client leaves, the process ends, or sending fails."""
        async with self._cleanup:
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(_disconnected(receive))
            ending = asyncio.create_task(self._ending.wait())
            tasks: list[asyncio.Task[object]] = [sending, leaving, ending]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await self._end(sending, scope, send)

    async def _end(self, sending: asyncio.Task[object], scope: Scope, send: Send) -> None:
        """Close the response, or drop the connection where even that would wait."""
        error = None if sending.cancelled() else sending.exception()
        if isinstance(error, _SlowClient):
            self._meter.cut("slow")
            _log.info("a stream was cut off: its client does not read")
            abort_of(scope)()
            return
        if isinstance(error, KafkaError):
            self._meter.cut("kafka")
            _log.warning("a stream was ended: Kafka cannot be read", reason=str(error))
        elif error is not None:
            raise error
        elif not sending.cancelled():
            self._meter.cut("unwelcome")
        elif self._ending.is_set():
            self._meter.cut("ending")
        try:
            await _within(send({"type": "http.response.body", "body": b"", "more_body": False}))
        except _SlowClient:
            abort_of(scope)()

    async def _send(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": list(self.raw_headers)}
        )
        async for chunk in self._chunks:
            if not self._is_authorized():
                return
            if chunk:
                await _within(
                    send({"type": "http.response.body", "body": chunk, "more_body": True})
                )


async def _within(sent: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await sent
    except TimeoutError:
        raise _SlowClient from None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
