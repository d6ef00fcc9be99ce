"""Requests at a constant rate, whether or not the ones before are answered.

A time runs from the instant at which a request was meant to start, so a server that stalls is
charged with all who would have waited meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Protocol

_CONNECTIONS = 64


class Exchange(Protocol):
    """Sends one request over a connection and reads the whole answer."""

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, /
    ) -> None:
        """Do it; raises if the answer is not the right one."""


class Times(NamedTuple):
    """What was measured, in milliseconds."""

    requests: int
    rate: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    worst_ms: float
    client_late_ms: float
    """By how much the client itself was late at worst: then the machine was too busy to measure."""


async def measure(
    port: int, exchange: Exchange, rate: int, seconds: float, warm_up_s: float = 2.0
) -> Times:
    """Send requests over some connections that are kept.

    Args:
        port: of the server, on loopback.
        exchange: one request and its answer.
        rate: requests a second.
        seconds: how long.
        warm_up_s: how long before that, not counted.
    """
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(_CONNECTIONS)]
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)
    took_s: list[float] = []
    late_s: list[float] = []

    async def ask(number: int, meant_s: float) -> None:
        late_s.append(time.perf_counter() - meant_s)
        connection = await free.get()
        await exchange(*connection, number)
        took_s.append(time.perf_counter() - meant_s)
        free.put_nowait(connection)

    try:
        await _at_rate(ask, rate, warm_up_s)
        took_s.clear()
        late_s.clear()
        began_s = time.perf_counter()
        await _at_rate(ask, rate, seconds)
        elapsed_s = time.perf_counter() - began_s
    finally:
        for _, writer in connections:
            writer.close()
        closed = (writer.wait_closed() for _, writer in connections)
        await asyncio.gather(*closed, return_exceptions=True)
    return _times(took_s, elapsed_s, max(late_s))


def _times(took_s: list[float], elapsed_s: float, late_s: float) -> Times:
    took_s.sort()

    def quantile_ms(share: float) -> float:
        return 1_000 * took_s[min(len(took_s) - 1, int(len(took_s) * share))]

    return Times(
        requests=len(took_s),
        rate=len(took_s) / elapsed_s,
        p50_ms=quantile_ms(0.5),
        p99_ms=quantile_ms(0.99),
        p999_ms=quantile_ms(0.999),
        worst_ms=quantile_ms(1),
        client_late_ms=1_000 * late_s,
    )


async def _at_rate(
    ask: Callable[[int, float], Coroutine[Any, Any, None]], rate: int, seconds: float
) -> None:
    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as asking:
        for number in range(int(rate * seconds)):
            meant_s = began_s + number / rate
            wait_s = meant_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            asking.create_task(ask(number, meant_s))
