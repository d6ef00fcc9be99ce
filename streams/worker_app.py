"""The worker's Faust app: its connections stand before anything is read, and until all is done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from streams.faust_app import FaustOptions, StreamApp

_CLOSE_S = 2.0
"""How long a connection may take to close: after a failure it may have something left to send."""


class Connection(Protocol):
    """What is opened before the first record is read and closed after the last is acked."""

    async def start(self) -> None:
        """Open it."""

    async def stop(self) -> None:
        """Close it; harmless if it was never opened."""


class WorkerApp(StreamApp):
    """A `StreamApp` with connections.

    Faust starts an app's own tasks when events already flow, so they are no place to connect what
    the agents write to.
    """

    def __init__(self, options: FaustOptions) -> None:
        super().__init__(options)
        self._connections: Sequence[Connection] = ()

    def connect_first(self, *connections: Connection) -> None:
        """Open these, in this order, before the app reads, and close them when it has ended."""
        self._connections = connections

    @override
    async def on_start(self) -> None:
        """Open the connections; the first that does not open ends the app."""
        await super().on_start()
        try:
            for connection in self._connections:
                await connection.start()
        except Exception as error:
            await self.crash(error)

    @override
    async def on_shutdown(self) -> None:
        """Close the connections."""
        await super().on_shutdown()
        for connection in self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(connection.stop(), _CLOSE_S)
