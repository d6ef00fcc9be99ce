"""Asks processes for their metrics and probes, and the API for its figures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from cli.top.reading import Reading, read_metrics

_TIMEOUT = aiohttp.ClientTimeout(total=3)
_MOST_BYTES = 16 * 1024 * 1024
_PROBES = ("livez", "readyz")


class Unusable(Exception):
    """A server does not answer, or not as it should; the message says how."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a process answered at one instant.

    Attributes:
        address: of the process.
        reading: its metrics; None if it did not answer.
        problem: why it has none; empty otherwise.
        failing: checks of its probes that fail.
    """

    address: str
    reading: Reading | None = None
    problem: str = ""
    failing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """Customers and spend by tier, as the API tells them; `problem` if it does not."""

    rows: tuple[dict[str, Any], ...] = ()
    problem: str = ""


class Poller:
    """Asks all servers at once.

    Args:
        addresses: of the processes, as URLs without a path.
        api: URL of the API; None if it is not to be asked.
        token: for the API.
    """

    def __init__(self, addresses: Sequence[str], api: str | None, token: str | None) -> None:
        self._addresses = addresses
        self._api = api
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    async def ask(self) -> tuple[list[Answer], Figures | None]:
        """One answer for each process, in their order, and the API's figures."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as client:
            answers = [self._process(client, address) for address in self._addresses]
            found = await asyncio.gather(*answers)
            return found, await self._figures(client)

    async def _process(self, client: aiohttp.ClientSession, address: str) -> Answer:
        try:
            status, body = await _get(client, f"{address}/metrics")
            if status != 200:
                raise Unusable(f"/metrics answers {status}")
            reading = read_metrics(body.decode())
            failing = [await _failing(client, address, probe) for probe in _PROBES]
        except (Unusable, ValueError) as error:
            return Answer(address, problem=str(error))
        return Answer(address, reading, failing=tuple(sorted(set().union(*failing))))

    async def _figures(self, client: aiohttp.ClientSession) -> Figures | None:
        if self._api is None:
            return None
        try:
            url = f"{self._api}/v1/figures?by=tier"
            status, body = await _get(client, url, headers=self._headers)
            document = orjson.loads(body)
            if status != 200:
                raise Unusable(str(document.get("detail") or document.get("title") or status))
            return Figures(tuple(document["rows"]))
        except (Unusable, ValueError, KeyError, AttributeError, TypeError) as error:
            return Figures(problem=str(error) or type(error).__name__)


async def _failing(client: aiohttp.ClientSession, address: str, probe: str) -> set[str]:
    """The checks of a probe that do not hold."""
    status, body = await _get(client, f"{address}/{probe}")
    if status == 200:
        return set()
    try:
        checks = orjson.loads(body)["checks"]
        return {name for name, holds in checks.items() if not holds}
    except (ValueError, KeyError, AttributeError, TypeError):
        return {probe}


async def _get(
    client: aiohttp.ClientSession, url: str, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    try:
        async with client.get(url, headers=headers, allow_redirects=False) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise Unusable("the answer is too long")
            return answer.status, bytes(body)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unusable(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or "nothing within three seconds"
