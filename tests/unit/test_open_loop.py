"""Requests at a constant rate, and whom a stall is charged to."""

from __future__ import annotations

import asyncio

import pytest

from bench.open_loop import measure


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _n: int) -> None:
    writer.write(b"?")
    await reader.readexactly(1)


async def test_a_stall_is_charged_to_all_who_were_to_come_meanwhile() -> None:
    answered = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        while await reader.read(1):
            answered += 1
            if answered == 30:
                stall_s = asyncio.get_running_loop().time() + 0.4
                while asyncio.get_running_loop().time() < stall_s:
                    pass  # nobody else is served meanwhile
            writer.write(b"!")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await measure(port, exchange, rate=100, seconds=1.0, warm_up_s=0.1)
    assert found.requests == 100
    assert found.worst_ms >= 390
    # The ones meant for the stall waited from their own instants on, evenly less and less.
    assert found.p99_ms >= 300


async def test_an_answer_that_is_wrong_ends_the_measurement() -> None:
    async def wrong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _n: int) -> None:
        raise RuntimeError("500")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ExceptionGroup) as failed:
            await measure(port, wrong, rate=50, seconds=0.1, warm_up_s=0.1)
    assert failed.group_contains(RuntimeError, match="500")
