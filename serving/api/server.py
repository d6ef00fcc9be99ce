"""The HTTP server: its socket, TLS, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from config.settings import Settings, SettingsError
from serving.api.protocol import LimitedProtocol

_BACKLOG = 512
_KEEPALIVE_S = 30
_SHUTDOWN_S = 5
_UNSENT_MS = 40_000
_SOCKET_MESSAGE_MAX_BYTES = 256 * 1024


class ApiServerError(RuntimeError):
    """The server cannot listen where it was told to; one sentence."""


class ApiServer(uvicorn.Server):
    """Serves an application on sockets that are bound already; `stop` ends it.

    Args:
        app: the application.
        settings: of the deployment.
        listener: the bound socket.
        websockets: whether the application has any.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        listener: socket.socket,
        *,
        websockets: bool = False,
    ) -> None:
        trusted = settings.api_trusted_proxies
        super().__init__(
            uvicorn.Config(
                app,
                http=LimitedProtocol,
                ws="websockets-sansio" if websockets else "none",
                ws_max_size=_SOCKET_MESSAGE_MAX_BYTES,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEPALIVE_S,
                timeout_graceful_shutdown=_SHUTDOWN_S,
                proxy_headers=bool(trusted),
                forwarded_allow_ips=trusted or None,
                **_tls(settings),  # type: ignore[arg-type]
            )
        )
        self._listener = listener

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until told to stop; open requests get some seconds."""
        serving = asyncio.create_task(self.serve(sockets=[self._listener]))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self.should_exit = True
            await serving
        finally:
            stopping.cancel()

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


def bind(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        ApiServerError: the address is not ours, or the port is taken.
    """
    host, port = settings.api_host, settings.api_port
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, number)
    except OSError as error:
        raise _cannot_listen(host, port, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # A client that acknowledges nothing for so long is gone, also while we close.
        with contextlib.suppress(AttributeError):  # not on this system
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_MS)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from None
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> ApiServerError:
    known = error.errno is not None and error.errno in errno.errorcode
    why = os.strerror(error.errno or 0) if known else error.strerror or str(error)
    return ApiServerError(
        f"cannot listen on {host}:{port} (TIERSTREAM_API_HOST, TIERSTREAM_API_PORT): {why.lower()}"
    )


def _tls(settings: Settings) -> dict[str, object]:
    if settings.api_tls_certfile is None:
        return {}
    context = _tls_context(settings)
    return {"ssl_context_factory": lambda *_: context}


def _tls_context(settings: Settings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    secret = settings.api_tls_keyfile_password
    password = secret.get_secret_value() if secret is not None else ""
    certfile, keyfile = settings.api_tls_certfile, settings.api_tls_keyfile
    assert certfile is not None
    try:
        context.load_cert_chain(certfile, keyfile, lambda: password)
    except (OSError, ValueError) as error:
        raise SettingsError(f"TIERSTREAM_API_TLS_CERTFILE={certfile}: {_why(error)}") from None
    return context


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.strerror:
        return error.strerror.lower()
    return "no valid PEM certificate and key, or the key's password is wrong"
