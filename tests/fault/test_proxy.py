from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from devtools.servers.ports import LOOPBACK
from tests.harness.proxy import Condition, Proxy, ProxyThread

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def proxies() -> Iterator[ProxyThread]:
    with ProxyThread() as running:
        yield running


@asynccontextmanager
async def _echo() -> AsyncIterator[int]:
    """A server that says again what it hears, on a port."""

    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(1_000):
                writer.write(chunk)
        writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*served)
    await asyncio.sleep(0)  # what was aborted is closed one step later


@asynccontextmanager
async def _connected(proxy: Proxy) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _heard(connection: Connection, within_s: float = 5.0) -> bytes | None:
    """What comes back; None if nothing does, and nothing at all if it is closed."""
    reader, writer = connection
    writer.write(b"hello")
    try:
        return await asyncio.wait_for(reader.read(100), within_s)
    except TimeoutError:
        return None
    except ConnectionError:
        return b""


async def test_an_open_way_passes_everything_on(proxies: ProxyThread) -> None:
    async with _echo() as port, _connected(proxies.add(port)) as connection:
        assert await _heard(connection) == b"hello"


async def test_a_cut_closes_what_is_open_and_refuses_what_comes(proxies: ProxyThread) -> None:
    async with _echo() as port:
        proxy = proxies.add(port)
        async with _connected(proxy) as before:
            assert await _heard(before) == b"hello"
            proxies.set(proxy, Condition("cut"))
            assert await _heard(before) == b""
        async with _connected(proxy) as during:
            assert await _heard(during) == b""
        proxies.set(proxy, Condition())
        async with _connected(proxy) as after:
            assert await _heard(after) == b"hello"


@pytest.mark.parametrize("direction", ["requests", "answers", "both"])
async def test_a_half_open_connection_swallows_and_never_comes_back(
    proxies: ProxyThread, direction: str
) -> None:
    async with _echo() as port:
        proxy = proxies.add(port)
        async with _connected(proxy) as connection:
            assert await _heard(connection) == b"hello"
            proxies.set(proxy, Condition("half_open", direction))  # type: ignore[arg-type]
            assert await _heard(connection, 0.2) is None
            proxies.set(proxy, Condition())
            assert await _heard(connection) == b""


async def test_a_slow_way_is_late(proxies: ProxyThread) -> None:
    async with _echo() as port:
        proxy = proxies.add(port)
        proxies.set(proxy, Condition("slow", latency_s=0.1, bytes_per_s=1_000))
        async with _connected(proxy) as connection:
            began_s = time.monotonic()
            assert await _heard(connection) == b"hello"
            assert time.monotonic() - began_s > 0.2
