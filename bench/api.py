"""`python -m bench.api`: lookups over HTTP with a million customers in Redis, at a constant rate.

Redis and the API are processes of their own, filled and started as in production; the same client
asks Redis itself for the same profiles, to tell what the API adds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import uvloop
from rich.console import Console

from bench.facts import show_facts
from bench.open_loop import Times, measure
from bench.processes import cpu_seconds
from bench.profiles import customer_id, profiles
from bench.view import fill
from config.settings import Settings
from devtools.servers import LocalServerError, start_redis
from devtools.servers.ports import free_ports
from serving.api.tokens import Token, digest_of, new_token
from serving.view.generations import RedisView
from serving.view.reader import ViewReader
from serving.view.redis import connect_redis
from streams.runtime.clock import wall_ms

_READY_TIMEOUT_S = 60.0
_SEARCH_SHARE = 50


class Lookup:
    """Asks the API for the profile of a customer chosen at random."""

    def __init__(self, customers: int, token: str, query: str = "") -> None:
        self._draws = random.Random(1)
        self._customers = customers
        self._token = token
        self._query = query

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int, /
    ) -> None:
        """One request."""
        path = self._query or f"/{customer_id(self._draws.randrange(self._customers))}"
        writer.write(
            f"GET /v1/customers{path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {self._token}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the API answered {head[:30]!r}")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)


class BareLookup:
    """Asks Redis for the same."""

    def __init__(self, customers: int, base: str) -> None:
        self._draws = random.Random(1)
        self._customers = customers
        self._base = base

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int, /
    ) -> None:
        """One request."""
        key = f"{self._base}profile:{customer_id(self._draws.randrange(self._customers))}".encode()
        writer.write(b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(key), key))
        length = int((await reader.readuntil(b"\r\n"))[1:])
        await reader.readexactly(length + 2)


@contextmanager
def running_api(redis_url: str, token: str) -> Iterator[tuple[int, int]]:
    """An API process: its port and its process id."""
    port, http_port = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder:
        tokens = Path(folder) / "tokens.toml"
        tokens.write_text(
            Token("bench", digest_of(token), frozenset(("read", "attributes"))).toml()
        )
        variables = {
            "REDIS_URL": redis_url,
            "TIERSTREAM_API_PORT": str(port),
            "TIERSTREAM_HTTP_PORT": str(http_port),
            "TIERSTREAM_API_TOKEN_FILE": str(tokens),
            "TIERSTREAM_API_RATE_PER_TOKEN": "0",
            "TIERSTREAM_API_RATE_PER_ADDRESS": "0",
        }
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "api"],
                env={**os.environ, **variables},
                stderr=log,
            )
            try:
                _until_ready(http_port)
                yield port, process.pid
            finally:
                process.terminate()
                process.wait()


def _until_ready(http_port: int) -> None:
    deadline_s = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline_s:
        try:
            with urlopen(f"http://127.0.0.1:{http_port}/readyz", timeout=5):
                return
        except URLError:
            time.sleep(0.1)
    raise LocalServerError("the API does not become ready")


async def run(redis_url: str, customers: int, rate: int, seconds: float) -> dict[str, Any]:
    """Fill, ask, and tell."""
    settings = Settings(redis_url=redis_url)
    redis = connect_redis(settings)
    last = customer_id(customers - 1)
    if await ViewReader(redis, settings.redis_key_prefix).profile(last) is None:
        now_ms = wall_ms()
        await fill(redis, settings.redis_key_prefix, profiles(customers, now_ms))
    base = (await RedisView(redis, settings.redis_key_prefix).open()).keys.base
    redis_port = int(redis_url.rpartition(":")[2].partition("/")[0])
    await redis.aclose()
    token = new_token()
    facts: dict[str, Any] = {"customers": customers}
    with running_api(redis_url, token) as (port, pid):
        bare = await measure(redis_port, BareLookup(customers, base), rate, seconds)
        facts |= _facts("bare Redis", bare)
        lookup = Lookup(customers, token)
        await measure(port, lookup, rate, 1)
        began_s = cpu_seconds(pid)
        found = await measure(port, lookup, rate, seconds, warm_up_s=0)
        cpu_us = (cpu_seconds(pid) - began_s) / found.requests * 1e6
        facts |= _facts("API", found)
        facts["API: CPU µs a request"] = round(cpu_us)
        search = Lookup(customers, token, "?tier=A&level=active&order=-score&limit=20")
        facts |= _facts("search", await measure(port, search, rate // _SEARCH_SHARE, seconds))
    facts["load of the machine, last minute"] = round(os.getloadavg()[0], 1)
    return facts


def _facts(name: str, times: Times) -> dict[str, Any]:
    return {
        f"{name}: requests a second": round(times.rate),
        f"{name}: p50 ms": round(times.p50_ms, 2),
        f"{name}: p99 ms": round(times.p99_ms, 2),
        f"{name}: p99.9 ms": round(times.p999_ms, 2),
        f"{name}: worst ms": round(times.worst_ms, 2),
        f"{name}: client late by at worst, ms": round(times.client_late_ms, 2),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=500, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--redis", help="URL of an empty Redis, or one filled by this before")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    arguments = parser.parse_args()
    try:
        with contextlib.ExitStack() as stack:
            url = arguments.redis or stack.enter_context(start_redis(own=True)).url
            asked = arguments.customers, arguments.rate, arguments.seconds
            facts = uvloop.run(run(url, *asked))
    except LocalServerError as error:
        Console(stderr=True, highlight=False).print(f"bench: {error}")
        return 1
    show_facts("lookups at a constant rate", facts, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
