"""The console beside the API: who gets which request, and what every answer of pages carries."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator

from fastapi import FastAPI
from nicegui import core, ui
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.middleware import check_sizes, header_of, is_loopback_name
from serving.api.problems import Problem
from serving.console.known_policy import KnownPolicy
from serving.console.pages import add_pages
from serving.console.sessions import Sessions
from serving.console.site import Site
from serving.console.visitor import BASE

_RECONNECT_S = 10.0
# The framework's programs are inline and compile templates; nothing comes from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class Front:
    """Answers the paths of the console, and leaves all others to the API.

    Args:
        console: the application of the pages.
        api: the application of the API; None if only the console is served.
        loopback_only: whether requests must be made to a loopback name, as the API demands it
            while it has no tokens.
    """

    def __init__(self, console: ASGIApp, api: ASGIApp | None, *, loopback_only: bool) -> None:
        self._console = console
        self._api = api
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope["path"]
        if path == BASE or path.startswith(f"{BASE}/"):
            await self._page(scope, receive, send)
        elif path == "/" and scope["type"] == "http":
            await RedirectResponse(f"{BASE}/", 302)(scope, receive, send)
        elif self._api is not None and scope["type"] == "http":
            await self._api(scope, receive, send)
        else:
            await _refuse(404, "there is nothing at this path", scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._loopback_only and not is_loopback_name(header_of(scope, b"host")):
            why = "without tokens the host must be a loopback name"
            await _refuse(421, why, scope, receive, send)
            return
        if not _is_own_origin(scope):
            await _refuse(403, "another site sent this request", scope, receive, send)
            return
        try:
            check_sizes(scope)
        except Problem as problem:
            await _refuse(problem.status, problem.detail, scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        await self._console(scope, receive, with_headers)


def _is_own_origin(scope: Scope) -> bool:
    """Whether no other site sent it: its pages could open a socket here in a visitor's name."""
    origin = header_of(scope, b"origin")
    return not origin or origin.partition("://")[2] == header_of(scope, b"host")


async def _refuse(status: int, why: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await PlainTextResponse(why + "\n", status)(scope, receive, send)


@contextlib.asynccontextmanager
async def console_front(api: ASGIApp, *, is_open: bool, serves_api: bool) -> AsyncIterator[ASGIApp]:
    """The console, started; one in a process.

    Args:
        api: the application of the API.
        is_open: whether it takes requests without a token.
        serves_api: whether the API answers on the same port.
    """
    # Its lines would name customers: the API's own log has the request already.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    host = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    add_pages(Site(api, is_open, Sessions(time.monotonic), KnownPolicy()))
    core.app.config.socket_io_js_transports = ["websocket"]
    ui.run_with(
        host,
        title="Tierstream",
        mount_path=BASE,
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=_RECONNECT_S,
        show_welcome_message=False,
    )
    async with host.router.lifespan_context(host):
        yield Front(host, api if serves_api else None, loopback_only=is_open)
