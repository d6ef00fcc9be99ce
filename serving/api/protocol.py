"""HTTP/1.1 as uvicorn speaks it, with the limits it lacks.

uvicorn reads headers of any length and waits for them for ever, and takes any number of
connections. What is refused here never reaches the application, so it gets its problem document
here as well.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.api.problems import MEDIA_TYPE, Problem

CONNECTIONS_MAX = 1_000
HEAD_MAX_BYTES = 24 * 1024
HEAD_TIMEOUT_S = 10.0
ABORT = "tierstream.abort"
"""Extension of the ASGI scope: a function that drops the connection with all that is unsent."""


class LimitedProtocol(HttpToolsProtocol):
    """HTTP/1.1 on one connection."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, or refuse one connection too many."""
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > CONNECTIONS_MAX:
            self._refuse(Problem("too-busy", "too many connections", headers={"Retry-After": "1"}))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        """Take what came, unless it makes the head too long."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # the other protocol is that of a WebSocket
        if self._in_head:
            self._await_head()
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX_BYTES:
                self._refuse(Problem("headers-too-large", "the headers do not end"))
        elif self.cycle.response_complete:
            # Something that begins no request, a line end or the rest of a body: uvicorn takes it
            # for a sign of life, and would wait for ever.
            self._await_head()

    @override
    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]

    @override
    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_waiting()
        super().on_headers_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(Problem("bad-request", "this is no HTTP/1.1 request"))

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        body = problem.body()
        lines = [
            f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
            f"content-type: {MEDIA_TYPE}",
            f"content-length: {len(body)}",
            "cache-control: no-store",
            "connection: close",
            *(f"{name.lower()}: {value}" for name, value in problem.headers.items()),
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        self.transport.close()


def abort_of(scope: Any) -> Any:
    """What drops the connection of a request; does nothing under another server."""
    return scope.get("extensions", {}).get(ABORT, lambda: None)
