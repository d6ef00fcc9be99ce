"""A small HTTP server for what watches the process: `/metrics`, `/livez`, `/readyz`.

It has no login, so it listens on loopback unless told otherwise, answers three paths to GET and
HEAD, takes no bodies, and tells nothing about itself.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Checks = Callable[[], Mapping[str, bool]]
"""What is well and what is not, by name. It must answer at once: it only reads flags."""

_MAX_CONNECTIONS = 64
_MAX_LINE_BYTES = 2_048
_MAX_HEADER_BYTES = 4_096
_KEEPALIVE_TIMEOUT_S = 30.0
_SHUTDOWN_TIMEOUT_S = 2.0


class HttpServerError(RuntimeError):
    """The server cannot listen where it was told to; one sentence."""


def always_alive() -> Mapping[str, bool]:
    """The liveness of a process without a watchdog: it answers, so it lives."""
    return {"process": True}


class HttpServer:
    """Serves until left; use it in an ``async with`` statement, or call `start` and `stop`.

    Args:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        registry: the metrics to serve.
        readiness: `/readyz` answers 503 until all of these hold.
        liveness: `/livez` answers 503 as soon as one of these fails; the process should then be
            restarted, so nothing that merely waits belongs here.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        *,
        readiness: Checks,
        liveness: Checks = always_alive,
    ) -> None:
        self._host = host
        self._asked_port = port
        self._registry = registry
        self._probes = {"/readyz": readiness, "/livez": liveness}
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None

    @property
    def port(self) -> int:
        """The port in use, once started."""
        if self._runner is None or not self._runner.addresses:
            raise ValueError("the server does not listen")
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Listen.

        Raises:
            HttpServerError: the address is not ours, or the port is taken.
        """
        self._server = web.Server(
            self._answer,
            request_factory=_silent_request,
            access_log=None,
            keepalive_timeout=_KEEPALIVE_TIMEOUT_S,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        self._runner = web.ServerRunner(self._server, shutdown_timeout=_SHUTDOWN_TIMEOUT_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._asked_port).start()
        except OSError as error:
            await self.stop()
            raise HttpServerError(
                f"cannot listen on {self._host}:{self._asked_port} (TIERSTREAM_HTTP_HOST, "
                f"TIERSTREAM_HTTP_PORT): {_why(error)}"
            ) from None

    async def stop(self) -> None:
        """Stop listening; requests under way get a moment to end."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if self._server is not None and len(self._server.connections) > _MAX_CONNECTIONS:
            response = _text(503, "too many connections")
            response.force_close()
            return response
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            response = _text(405, "GET or HEAD")
            response.headers[hdrs.ALLOW] = "GET, HEAD"
            response.force_close()  # a body may follow, and nobody is going to read it
            return response
        if request.path == "/metrics":
            return _response(200, generate_latest(self._registry), CONTENT_TYPE_LATEST)
        if request.path in self._probes:
            return _probe(self._probes[request.path]())
        return _text(404, "/metrics, /livez, /readyz")


class _SilentRequest(web.BaseRequest):
    """A request whose response does not name our software, not even one to a broken request."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.pop(hdrs.SERVER, None)


def _why(error: OSError) -> str:
    # asyncio repeats the address in its own words, the system's word for the number is shorter
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno).lower()
    return (error.strerror or str(error)).lower()


def _silent_request(
    message: Any, payload: Any, protocol: Any, writer: Any, task: Any
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return _SilentRequest(message, payload, protocol, writer, task, loop)


def _probe(checks: Mapping[str, bool]) -> web.Response:
    well = all(checks.values())
    body = {"status": "ok" if well else "unavailable", "checks": dict(checks)}
    return _response(200 if well else 503, orjson.dumps(body) + b"\n", "application/json")


def _text(status: int, text: str) -> web.Response:
    return _response(status, text.encode() + b"\n", "text/plain; charset=utf-8")


def _response(status: int, body: bytes, content_type: str) -> web.Response:
    headers = {
        hdrs.CONTENT_TYPE: content_type,
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff",
    }
    return web.Response(status=status, body=body, headers=headers)
