"""TLS in front of a server that has none."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.integration.certificates import Certificates

_CHUNK_BYTES = 65_536


@asynccontextmanager
async def tls_front(
    certificates: Certificates, port: int, *, asks_for_client: bool = False
) -> AsyncIterator[int]:
    """The port of a TLS listener that passes everything on to the plain ``port``.

    Args:
        certificates: of the server, and the authority that clients must be signed by.
        port: where the plain server listens on 127.0.0.1.
        asks_for_client: turn away clients without a certificate.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.authority)
    context.load_cert_chain(certificates.server)
    if asks_for_client:
        context.verify_mode = ssl.CERT_REQUIRED

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except (OSError, ssl.SSLError):
        pass  # one side went away, so does the other
    finally:
        writer.close()
