"""Alerts, and a webhook that fails as it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tierstream_client import Alert, read_alert

SECRET = "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl"
TOPIC = "dormancy-alerts"


def value_of(customer_id: str, sequence: int, **data: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": f"{customer_id}-{sequence}",
        "type": "dormancy.alert",
        "time": "2026-01-01T00:00:00.000Z",
        "data": {"customer_id": customer_id, "sequence": sequence, "suppressed": None, **data},
    }
    return json.dumps(event).encode()


def alert(
    customer_id: str = "ana", sequence: int = 1, offset: int = 0, topic: str = TOPIC
) -> Alert:
    return read_alert(topic, 0, offset, value_of(customer_id, sequence))


@dataclass
class FailingEndpoint:
    """An HTTP server that answers with the next of its statuses, then always with the last.

    Attributes:
        statuses: what it says; 0 breaks the connection off.
        headers: of each answer.
        got: headers and body of each request.
        taken: the ids of those it said yes to.
        pauses_s: how long the next requests wait for their answer.
    """

    statuses: list[int]
    headers: Mapping[str, str] = field(default_factory=dict)
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    pauses_s: list[float] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.got.append((request.headers, await request.read()))
        if self.pauses_s:
            await asyncio.sleep(self.pauses_s.pop())
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if 200 <= status < 300:
            self.taken.append(request.headers["webhook-id"])
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 500, headers=self.headers)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@asynccontextmanager
async def endpoint(*statuses: int, **headers: str) -> AsyncIterator[FailingEndpoint]:
    failing = FailingEndpoint(list(statuses), {k.replace("_", "-"): v for k, v in headers.items()})
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", failing.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        failing.url = f"http://127.0.0.1:{port}/alerts"
        yield failing
    finally:
        await runner.cleanup()


def put_aside(letters: Path) -> list[dict[str, Any]]:
    """The lines of a dead letter file; none if there is no file."""
    lines = letters.read_text("utf-8").splitlines() if letters.exists() else []
    return [json.loads(line) for line in lines]
