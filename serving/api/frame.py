"""Around every request: an id, the common headers, a line in the log, and the figures.

Paths and queries hold customers' ids, so the log has the template of the route in their place, and
the name of the token in the place of an address.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api import headers
from serving.api.meter import ApiMeter

PROBES = frozenset(("/livez", "/readyz"))

_log = structlog.get_logger(__name__)


class Frame:
    """The outermost part of the application.

    Args:
        app: what it is around.
        meter: told about every answer.
        clock: seconds that never go back.
    """

    def __init__(self, app: ASGIApp, meter: ApiMeter, clock: Callable[[], float]) -> None:
        self._app = app
        self._meter = meter
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        started_s = self._clock()
        state = scope.setdefault("state", {})
        state["request_id"] = secrets.token_hex(16)
        # Routes are told apart before percent-encoding is undone: an id may hold a slash.
        scope["path"] = scope["raw_path"].decode("ascii")
        status = 0

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _framed(message["headers"], scope, state)}
            await send(message)

        try:
            await self._app(scope, receive, framed)
        except Exception:  # a bug; the client has its answer
            _log.exception("a request failed", route=route_of(scope), request=state["request_id"])
        finally:
            seconds = self._clock() - started_s
            self._meter.answered(route_of(scope), status, seconds)
            if scope["path"] not in PROBES:
                _log.info(
                    "answered",
                    method=scope["method"],
                    route=route_of(scope),
                    status=status,
                    ms=round(seconds * 1_000, 1),
                    caller=state.get("caller"),
                    request=state["request_id"],
                )


def route_of(scope: Scope) -> str:
    """The template of the route that a request took, such as ``/v1/customers/{customer_id}``."""
    return getattr(scope.get("route"), "path", "none")


def instance_of(state: Any) -> str:
    """The name of this request in problem documents."""
    return f"urn:tierstream:request:{state['request_id']}"


def _framed(own: Any, scope: Scope, state: Any) -> list[tuple[bytes, bytes]]:
    added = [*headers.COMMON, (b"x-request-id", state["request_id"].encode())]
    if scope["scheme"] == "https":
        added += headers.OVER_TLS
    return [*own, *added]
