"""TCP proxies on loopback whose connections can be cut, half-open or slow.

They have a thread of their own: connections must go on while the rig is busy otherwise.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

from devtools.servers.ports import LOOPBACK

_CHUNK_BYTES = 64 * 1024
_CALL_TIMEOUT_S = 10.0

Kind = Literal["open", "cut", "half_open", "slow"]
Direction = Literal["requests", "answers", "both"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Condition:
    """How connections fare.

    Attributes:
        kind: ``open``: all passes. ``cut``: all are closed, new ones too. ``half_open``: they are
            accepted, and what is sent is swallowed. ``slow``: it passes late and bit by bit.
        direction: which of the two ways is swallowed or slow.
        latency_s: of each chunk, where they are slow.
        bytes_per_s: likewise.
    """

    kind: Kind = "open"
    direction: Direction = "both"
    latency_s: float = 0.0
    bytes_per_s: float = float("inf")

    def holds_for(self, direction: Direction) -> bool:
        """Whether what goes this way is swallowed or slow."""
        return self.direction in (direction, "both")


class Proxy:
    """Passes the connections of one port on to another.

    Attributes:
        port: where it listens.
    """

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._condition = Condition()
        self._connections: dict[asyncio.StreamWriter, bool] = {}
        """Each open one, and whether bytes of it were swallowed: then it cannot be used again."""
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Take a free port. It is held until the end, so no client can come by it."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def set(self, condition: Condition) -> None:
        """From now on connections fare like this."""
        self._condition = condition
        for writer, is_torn in list(self._connections.items()):
            if is_torn or condition.kind == "cut":
                writer.transport.abort()

    async def close(self) -> None:
        """Listen no more, and close all connections."""
        assert self._server is not None
        self._server.close()
        await self.set(Condition("cut"))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._condition.kind == "cut":
            writer.transport.abort()
            return
        try:
            upstream_reader, upstream = await asyncio.open_connection(LOOPBACK, self._target_port)
        except OSError:
            writer.transport.abort()  # as if nobody listened
            return
        self._connections |= {writer: False, upstream: False}
        requests = asyncio.ensure_future(self._pump(reader, upstream, "requests"))
        answers = asyncio.ensure_future(self._pump(upstream_reader, writer, "answers"))
        try:
            await asyncio.wait({requests, answers}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            requests.cancel()
            answers.cancel()
            await asyncio.gather(requests, answers, return_exceptions=True)
            for side in (writer, upstream):
                side.transport.abort()
                self._connections.pop(side, None)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        """Pass on what comes until one side closes."""
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                condition = self._condition
                if condition.holds_for(direction):
                    if condition.kind == "half_open":
                        self._connections[writer] = True
                        continue
                    if condition.kind == "slow":
                        delay_s = condition.latency_s + len(chunk) / condition.bytes_per_s
                        await asyncio.sleep(delay_s)
                writer.write(chunk)
                await writer.drain()
        except OSError:
            return  # reset by one side: the end of this connection, as a close is


class ProxyThread:
    """The thread in which proxies live; use it in a `with` statement."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._proxies: list[Proxy] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._proxies:
            self._call(proxy.close())
        self._call(self._rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_TIMEOUT_S)
        self._loop.close()

    def add(self, target_port: int) -> Proxy:
        """A new proxy in front of a port, which need not listen yet."""
        proxy = Proxy(target_port)
        self._call(proxy.listen())
        self._proxies.append(proxy)
        return proxy

    def set(self, proxy: Proxy, condition: Condition) -> None:
        """Change how the connections of a proxy fare; it holds when this returns."""
        self._call(proxy.set(condition))

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_TIMEOUT_S)

    async def _rest(self) -> None:
        """Let the connections that were closed come to their end."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
