"""The probes and the metrics over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from config.settings import Settings
from streams.runtime.http_server import HttpServer, HttpServerError
from streams.runtime.metrics import Metrics


class Process:
    """A server with checks that a test can turn."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.ready = {"assigned": False, "redis": True}
        self.alive = {"loop": True}
        self.server = HttpServer(
            "127.0.0.1",
            0,
            self.metrics.registry,
            readiness=lambda: self.ready,
            liveness=lambda: self.alive,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def raw(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            writer.write(request)
            return await asyncio.wait_for(reader.read(4_096), 5)
        finally:
            writer.close()


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    process = Process()
    async with process.server:
        yield process


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_readiness_names_each_check(process: Process, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{process.url}/readyz") as response:
        assert response.status == 503
        assert await response.json() == {
            "status": "unavailable",
            "checks": {"assigned": False, "redis": True},
        }
    process.ready = {"assigned": True, "redis": True}
    async with client.get(f"{process.url}/readyz") as response:
        assert response.status == 200
        assert (await response.json())["status"] == "ok"


async def test_liveness_does_not_depend_on_readiness(
    process: Process, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{process.url}/livez") as response:
        assert response.status == 200
    process.alive = {"loop": False}
    async with client.get(f"{process.url}/livez") as response:
        assert response.status == 503


async def test_metrics_are_served(process: Process, client: aiohttp.ClientSession) -> None:
    process.metrics.unmatched_changes.inc(3)
    async with client.get(f"{process.url}/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert "tierstream_unmatched_changes_total 3.0\n" in await response.text()


async def test_other_paths_and_methods_are_refused(
    process: Process, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{process.url}/") as response:
        assert response.status == 404
    async with client.post(f"{process.url}/metrics", data=b"x" * 10_000) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD"
    async with client.head(f"{process.url}/livez") as response:
        assert response.status == 200
        assert await response.read() == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"garbage\r\n\r\n",
        b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9_000 + b"\r\n\r\n",
    ],
)
async def test_no_response_tells_what_software_this_is(
    process: Process, request_bytes: bytes
) -> None:
    response = await process.raw(request_bytes)
    assert response.startswith(b"HTTP/1.")
    assert b"server:" not in response.lower()
    assert b"aiohttp" not in response


async def test_connections_have_a_limit(process: Process) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(64):
            _, writer = await asyncio.open_connection("127.0.0.1", process.server.port)
            stack.callback(writer.close)
        answer = await process.raw(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503")
    for _ in range(100):
        answer = await process.raw(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        if answer.startswith(b"HTTP/1.1 200"):
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not recover")


async def test_address_that_is_taken_is_said_in_one_sentence(process: Process) -> None:
    second = HttpServer("127.0.0.1", process.server.port, process.metrics.registry, readiness=dict)
    with pytest.raises(HttpServerError, match=r"TIERSTREAM_HTTP_PORT\): address already in use"):
        await second.start()


async def test_after_stop_nobody_answers() -> None:
    process = Process()
    await process.server.start()
    port = process.server.port
    await process.server.stop()
    with pytest.raises(OSError, match=str(port)):
        await asyncio.open_connection("127.0.0.1", port)


def test_loopback_is_the_default() -> None:
    assert Settings.model_fields["http_host"].default == "127.0.0.1"
