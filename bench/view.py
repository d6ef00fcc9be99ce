"""`python -m bench.view`: memory of a million customers in Redis, and how fast they go in.

A Redis of our own is filled through the projection's own code, without Kafka: first with a profile
of each customer, then with the one of a day later of some of them, as in the steady state.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from redis.asyncio import Redis
from rich.console import Console

from bench.facts import show_facts
from bench.processes import cpu_seconds
from bench.profiles import profiles
from bench.searches import measure_figures, measure_searches
from config.settings import Settings
from devtools.servers import LocalServerError, RedisServer, start_redis
from serving.view.chunks import cut_profiles
from serving.view.generation import Generation
from serving.view.generations import RedisView
from serving.view.profile_record import read_profile
from serving.view.redis import connect_redis
from streams.runtime.clock import wall_ms

_BATCH_RECORDS = 2_000  # as the projection reads them
_SAMPLED_KEYS = 2_000
_SAMPLED_MEMBERS = 1_000
_DAY_MS = 86_400_000
_OF_ONE_CUSTOMER = frozenset({"customer", "profile"})


class Filled(NamedTuple):
    """How fast records went in."""

    records: int
    seconds: float
    client_cpu_s: float
    redis_cpu_s: float


class Memory(NamedTuple):
    """Bytes by structure, all customers together; `used_bytes` is what Redis itself counts."""

    used_bytes: int
    structures: dict[str, int]


class Found(NamedTuple):
    """All that was measured; searches and figures in milliseconds."""

    filled: Filled
    updated: Filled
    memory: Memory
    searches: dict[str, float]
    figures: dict[str, float]


async def fill(
    redis: Redis, prefix: str, records: Iterable[tuple[bytes, bytes]], first: int = 0
) -> int:
    """Carry profiles into the view, as offsets from ``first`` of partition 0; returns how many."""
    generation = await RedisView(redis, prefix).open()
    if (await generation.stored_offsets([0]))[0] is None:
        await generation.begin(0, 0, wall_ms())
    offset = first
    numbered = enumerate(records, first)
    while batch := list(itertools.islice(numbered, _BATCH_RECORDS)):
        await _apply(generation, offset, batch)
        offset += len(batch)
    return offset - first


async def _apply(
    generation: Generation, before: int, batch: list[tuple[int, tuple[bytes, bytes]]]
) -> None:
    now_ms = wall_ms()
    read = (read_profile(key, value, offset, now_ms) for offset, (key, value) in batch)
    await generation.apply(list(cut_profiles(0, before, before + len(batch), read)))


async def measure_memory(redis: Redis, prefix: str) -> Memory:
    """Sizes of all keys of the view; those of single customers are estimated from some of them."""
    used_bytes = (await redis.info("memory"))["used_memory"]
    base = (await RedisView(redis, prefix).open()).keys.base.encode()
    counts: dict[str, int] = defaultdict(int)
    sampled: dict[str, int] = defaultdict(int)
    shared: dict[str, int] = defaultdict(int)
    async for key in redis.scan_iter(count=10_000):
        kind, _, rest = key.removeprefix(base).decode().partition(":")
        if kind in _OF_ONE_CUSTOMER:
            counts[kind] += 1
            if counts[kind] <= _SAMPLED_KEYS:
                sampled[kind] += await redis.memory_usage(key, samples=0) or 0
        elif key.startswith(base):
            name = f"{kind}:{rest}" if kind == "rank" else kind
            shared[name] += await redis.memory_usage(key, samples=_SAMPLED_MEMBERS) or 0
    single = {
        kind: round(sampled[kind] * counts[kind] / min(counts[kind], _SAMPLED_KEYS))
        for kind in counts
    }
    return Memory(used_bytes, single | dict(shared))


async def run(server: RedisServer, customers: int, updates: int) -> Found:
    """Fill, update and measure."""
    settings = Settings(redis_url=server.url)
    redis = connect_redis(settings)
    try:
        empty_bytes = (await redis.info("memory"))["used_memory"]
        now_ms = wall_ms()
        first = list(profiles(customers, now_ms))
        filled = await _timed(server, fill(redis, settings.redis_key_prefix, first))
        del first
        again = list(profiles(updates, now_ms + _DAY_MS))
        updated = await _timed(server, fill(redis, settings.redis_key_prefix, again, customers))
        memory = await measure_memory(redis, settings.redis_key_prefix)
        searches = await measure_searches(redis, settings.redis_key_prefix, now_ms)
        figures = await measure_figures(redis, settings.redis_key_prefix, now_ms)
    finally:
        await redis.aclose()
    own = memory._replace(used_bytes=memory.used_bytes - empty_bytes)
    return Found(filled, updated, own, searches, figures)


async def _timed(server: RedisServer, work: Any) -> Filled:
    assert server.process is not None
    pid = server.process.pid
    assert pid is not None
    redis_s, client_s, began_s = cpu_seconds(pid), time.process_time(), time.monotonic()
    records = await work
    return Filled(
        records,
        time.monotonic() - began_s,
        time.process_time() - client_s,
        cpu_seconds(pid) - redis_s,
    )


def _facts(customers: int, all_found: Found) -> dict[str, Any]:
    facts: dict[str, Any] = {"customers": customers}
    memory = all_found.memory
    for name, found in (("filling", all_found.filled), ("updating", all_found.updated)):
        facts |= {
            f"{name}: records a second": round(found.records / found.seconds),
            f"{name}: CPU µs a record, projector": round(
                found.client_cpu_s / found.records * 1e6, 1
            ),
            f"{name}: CPU µs a record, Redis": round(found.redis_cpu_s / found.records * 1e6, 1),
        }
    for name, size_bytes in sorted(memory.structures.items()):
        facts[f"bytes a customer: {name}"] = round(size_bytes / customers, 1)
    facts["bytes a customer: all that Redis counts"] = round(memory.used_bytes / customers, 1)
    for name, median_ms in all_found.searches.items():
        facts[f"search, ms: {name}"] = round(median_ms, 2)
    for name, median_ms in all_found.figures.items():
        facts[f"figures, ms: {name}"] = round(median_ms, 2)
    return facts


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.view", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--updates", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    arguments = parser.parse_args()
    try:
        with start_redis(own=True) as server:
            updates = min(arguments.updates, arguments.customers)
            found = asyncio.run(run(server, arguments.customers, updates))
    except LocalServerError as error:
        Console(stderr=True, highlight=False).print(f"bench: {error}")
        return 1
    facts = _facts(arguments.customers, found)
    show_facts("the view in Redis", facts, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
