"""The API's stream of changes, read in this process for one page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.types import ASGIApp, Message

from serving.console.client import ApiProblem

_CHUNKS_MAX = 64
_EVENT_MAX_BYTES = 1024 * 1024


class Feed:
    """Server-sent events of one request.

    An HTTP client over an application in the same process waits for the whole answer, and a stream
    has no end; so this speaks to the application itself. Chunks wait in a short queue: the API
    stops reading while it is full.

    Args:
        api: the application of the API.
        token: the visitor's.
        address: where they come from.
    """

    def __init__(self, api: ASGIApp, token: str | None, address: tuple[str, int]) -> None:
        self._api = api
        self._token = token
        self._address = address

    async def events(self, **parameters: Any) -> AsyncIterator[dict[str, Any]]:
        """The CloudEvents of `/v1/changes`, until the stream ends or nobody iterates any more.

        Raises:
            ApiProblem: the API refuses.
        """
        chunks: asyncio.Queue[Message | None] = asyncio.Queue(_CHUNKS_MAX)
        left = asyncio.Event()
        request = asyncio.create_task(self._request(parameters, chunks, left))
        try:
            async for text in _texts(chunks):
                event = _event(text)
                if event is not None:
                    yield event
        finally:
            left.set()
            request.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await request

    async def _request(
        self,
        parameters: dict[str, Any],
        chunks: asyncio.Queue[Message | None],
        left: asyncio.Event,
    ) -> None:
        async def receive() -> Message:
            await left.wait()
            return {"type": "http.disconnect"}

        try:
            await self._api(self._scope(parameters), receive, chunks.put)
        finally:
            with contextlib.suppress(asyncio.QueueFull):
                chunks.put_nowait(None)

    def _scope(self, parameters: dict[str, Any]) -> dict[str, Any]:
        headers = [(b"host", b"127.0.0.1")]
        if self._token is not None:
            headers.append((b"authorization", f"Bearer {self._token}".encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/v1/changes",
            "raw_path": b"/v1/changes",
            "query_string": urlencode(parameters, doseq=True).encode(),
            "root_path": "",
            "headers": headers,
            "client": self._address,
            "server": ("127.0.0.1", 80),
            "state": {},
        }


async def _texts(chunks: asyncio.Queue[Message | None]) -> AsyncIterator[bytes]:
    """The blocks between empty lines of a successful answer."""
    waiting = b""
    status = 200
    while (message := await chunks.get()) is not None:
        if message["type"] == "http.response.start":
            status = message["status"]
            continue
        waiting += message.get("body", b"")
        if status != 200:
            if not message.get("more_body"):
                raise _problem(status, waiting)
            continue
        *texts, waiting = waiting.split(b"\n\n")
        if len(waiting) > _EVENT_MAX_BYTES:
            return
        for text in texts:
            yield text


def _event(text: bytes) -> dict[str, Any] | None:
    """The CloudEvent of a block; None for comments and gaps."""
    for line in text.splitlines():
        if line.startswith(b"data:"):
            found = msgspec.json.decode(line.removeprefix(b"data:"))
            return found if isinstance(found, dict) and "data" in found else None
    return None


def _problem(status: int, body: bytes) -> ApiProblem:
    with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
        found = msgspec.json.decode(body)
        return ApiProblem(status, str(found["type"]).rpartition(":")[2], str(found["detail"]))
    return ApiProblem(status, "internal-error", "the answer is no document")
