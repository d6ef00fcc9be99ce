"""A client of server-sent events, as the standard tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One event."""

    id: str
    name: str
    data: str

    def json(self) -> Any:
        """Its data as JSON."""
        return json.loads(self.data)


class Listener:
    """Reads events and remembers the last id, also of what is no event.

    Args:
        http: a client of the API.
        parameters: of the query.
        last_id: where to go on.
    """

    def __init__(
        self, http: httpx.AsyncClient, parameters: Any = None, last_id: str | None = None
    ) -> None:
        self.last_id = last_id
        self.comments = 0
        self._http = http
        self._parameters = parameters

    async def events(self) -> AsyncIterator[Event]:
        """Events until the stream ends."""
        headers = {} if self.last_id is None else {"Last-Event-ID": self.last_id}
        request = self._http.stream("GET", "/v1/changes", params=self._parameters, headers=headers)
        async with request as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            name, data = "", list[str]()
            async for line in response.aiter_lines():
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if not line:
                    if data:
                        assert self.last_id is not None
                        yield Event(self.last_id, name, "\n".join(data))
                    name, data = "", []
                elif not field:
                    self.comments += 1
                elif field == "id":
                    self.last_id = value
                elif field == "event":
                    name = value
                elif field == "data":
                    data.append(value)

    async def take(self, count: int, within_s: float = 20.0) -> list[Event]:
        """So many events; the stream is left then."""
        found: list[Event] = []
        async with asyncio.timeout(within_s):
            stream = self.events()
            try:
                async for event in stream:
                    found.append(event)
                    if len(found) == count:
                        break
            finally:
                await stream.aclose()  # type: ignore[attr-defined]
        return found
