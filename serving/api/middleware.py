"""What happens to every request before its route, and to every response after it."""

from __future__ import annotations

import ipaddress
import math
import secrets
from collections.abc import Callable
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.metrics import ApiMeter
from serving.api.problems import Problem, problem_response
from serving.api.rate_limit import RateLimiter

PROBES = frozenset(("/livez", "/readyz"))

_COMMON_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_TLS_HEADERS = ((b"strict-transport-security", b"max-age=31536000"),)

_TARGET_MAX_BYTES = 8 * 1024
_HEADERS_MAX_BYTES = 16 * 1024
_BODY_MAX_BYTES = 1_024
_LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "[::1]"))

_log = structlog.get_logger(__name__)


class RequestMiddleware:
    """The outermost layer: gives requests an id, adds common headers, logs and measures.

    Args:
        app: the application inside.
        meter: receives the metrics.
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
        # Routes are matched while the path is percent-encoded: an id may contain a slash.
        scope["path"] = scope["raw_path"].decode("ascii")
        status = 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _all_headers(message["headers"], scope, state)}
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
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


def _all_headers(own: Any, scope: Scope, state: Any) -> list[tuple[bytes, bytes]]:
    added = [*_COMMON_HEADERS, (b"x-request-id", state["request_id"].encode())]
    if scope["scheme"] == "https":
        added += _TLS_HEADERS
    return [*own, *added]


class LimitsMiddleware:
    """Refuses requests that are too large, too frequent, or made to a foreign host.

    Args:
        app: the application inside.
        addresses: limits the requests of each address.
        loopback_only: whether the request must be made to a loopback name. Otherwise, without
            tokens, a page in a browser could reach us by a name of its own that resolves to this
            machine (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, addresses: RateLimiter, *, loopback_only: bool) -> None:
        self._app = app
        self._addresses = addresses
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["path"] not in PROBES:
            try:
                self._check(scope)
            except Problem as problem:
                await problem_response(problem, scope["state"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        check_sizes(scope)
        if self._loopback_only and not is_loopback_name(header_of(scope, b"host")):
            raise Problem("wrong-host", "without tokens the host must be a loopback name")
        wait_s = self._addresses.take(address_of(scope))
        if wait_s:
            raise too_many("this address", wait_s)


def check_sizes(scope: Scope) -> None:
    """Refuse a request that is larger than any valid one.

    Raises:
        Problem: something is too large.
    """
    if len(scope["raw_path"]) + len(scope["query_string"]) > _TARGET_MAX_BYTES:
        raise Problem("path-too-long", "path and query have more than 8 KiB")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > _HEADERS_MAX_BYTES:
        raise Problem("headers-too-large", "the headers have more than 16 KiB")
    length = header_of(scope, b"content-length")
    if header_of(scope, b"transfer-encoding") or (length and int(length) > _BODY_MAX_BYTES):
        # The connection cannot be used again: the body is still to come, and nobody reads it.
        raise Problem("body-too-large", "send no body", headers={"Connection": "close"})


def too_many(who: str, wait_s: float) -> Problem:
    """The problem of a caller who sends too many requests."""
    headers = {"Retry-After": str(math.ceil(wait_s))}
    return Problem("too-many-requests", f"{who} sends too many requests", headers=headers)


def address_of(scope: Scope) -> str:
    """The client's IPv4 address, or the /64 network of its IPv6 one: a host there has many."""
    client = scope.get("client")
    if client is None:
        return "none"
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return str(client[0])[:64]
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_loopback_name(host: str) -> bool:
    """Whether a `Host` header names this machine alone."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower() in _LOOPBACK_NAMES


def header_of(scope: Scope, wanted: bytes) -> str:
    """The first header of a name; empty if there is none."""
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value.decode("latin-1"))
    return ""
