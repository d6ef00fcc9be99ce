"""`python -m bench.changes`: memory of the changes of a million customers, and how fast they go in.

A Redis of our own is filled through the projection's own code, without Kafka: with a move between
tiers and an alert of each customer, spread over a year, and with another of each of them after
that, as in the steady state.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from redis.asyncio import Redis

from bench.profiles import customer_id
from config.settings import Settings
from devtools.servers import LocalServerError, start_redis
from handlers import outputs
from scoring.calendar import DAY_MS
from scoring.timestamps import rfc3339
from serving.projector.batches import Read
from serving.view.change_records import day_of, read_level, read_move
from serving.view.changes_reader import ChangesReader
from serving.view.changes_writer import LevelsWriter, MovesWriter
from serving.view.chunks import Chunk
from serving.view.generations import RedisView
from serving.view.redis import connect_redis

_CHUNK_RECORDS = 200
_BATCH_CHUNKS = 10  # as the projection reads them
_YEAR_DAYS = 365
_START_MS = 20_000 * DAY_MS
_TIERS = ("A", "B", "C", "D")
_REASONS = ("order", "window", "grace_expired", "refund")


def moves(customers: int, sequence: int, start_ms: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of a record of `tier-changes` for each customer, over a year."""
    for number, at_ms in _over_a_year(customers, start_ms):
        data = outputs.TierChanged(
            customer_id=customer_id(number),
            sequence=sequence,
            previous_tier=_TIERS[number % 3],
            tier=_TIERS[number % 3 + 1],
            direction="down",
            reason=_REASONS[number % 4],
            late=False,
            caused_by=[f"event-{number}"],
            effective_at=rfc3339(at_ms),
            before=None,
            after=None,
            crossed=[],
            next_tier=None,
            keeps_until=None,
            action=None,
            policy_version="bench",
            marketing_consent=None,
            suppressed=None,
            backfill=False,
            consented_channels=[],
        )
        yield _record(outputs.TIER_CHANGED, data.customer_id, at_ms, data)


def alerts(customers: int, sequence: int, start_ms: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of a record of `dormancy-alerts` for each customer, over a year."""
    for number, at_ms in _over_a_year(customers, start_ms):
        data = outputs.LevelChanged(
            customer_id=customer_id(number),
            sequence=sequence,
            reason="silence",
            level=("at_risk", "dormant", "churned")[(number + sequence) % 3],
            previous_level="active",
            effective_at=rfc3339(at_ms),
            last_order_at=None,
            last_interaction_at=None,
            threshold_days=90.0,
            basis="fixed",
            withdraws=[],
            tier="C",
            open_tickets=0,
            suppressed=None,
            action=None,
            policy_version="bench",
            marketing_consent=None,
            backfill=False,
            consented_channels=[],
        )
        yield _record(outputs.DORMANCY_ALERT, data.customer_id, at_ms, data)


def _over_a_year(customers: int, start_ms: int) -> Iterator[tuple[int, int]]:
    step_ms = _YEAR_DAYS * DAY_MS // customers
    return ((number, start_ms + number * step_ms) for number in range(customers))


def _record(kind: str, customer: str, at_ms: int, data: Any) -> tuple[bytes, bytes]:
    value = outputs.cloud_event("bench", "id", kind, customer, rfc3339(at_ms), data)
    return customer.encode(), value


async def _fill(
    writer: MovesWriter | LevelsWriter,
    read: Read[Any],
    records: Iterable[tuple[bytes, bytes]],
    first: int,
) -> float:
    """Carry records in; returns records a second."""
    if first == 0:
        await writer.begin(0, 0, 1)
    began_s = time.monotonic()
    offset = first
    source = iter(records)
    while chunks := list(itertools.islice(_chunks(source, read, offset), _BATCH_CHUNKS)):
        await writer.apply(chunks)
        offset = chunks[-1].after
    return (offset - first) / (time.monotonic() - began_s)


def _chunks(
    source: Iterator[tuple[bytes, bytes]], read: Read[Any], before: int
) -> Iterator[Chunk[Any]]:
    while part := list(itertools.islice(source, _CHUNK_RECORDS)):
        records = tuple(read(*one, before + at, _START_MS) for at, one in enumerate(part))
        yield Chunk(0, before, before + len(part), records)
        before += len(part)


async def run(url: str, customers: int) -> dict[str, float]:
    """Fill and measure."""
    settings = Settings(redis_url=url)
    redis = connect_redis(settings)
    try:
        generation = await RedisView(redis, settings.redis_key_prefix).open()
        kept_ms = settings.changes_kept.ms
        later_ms = _START_MS + _YEAR_DAYS * DAY_MS
        facts: dict[str, float] = {"customers": customers}
        for name, ledger, read, make in (
            ("moves", MovesWriter(redis, generation, kept_ms), read_move, moves),
            ("levels", LevelsWriter(redis, generation, kept_ms), read_level, alerts),
        ):
            empty = await _used_bytes(redis)
            fill = partial(_fill, ledger, read)
            facts[f"{name}: records a second, first"] = await fill(make(customers, 1, _START_MS), 0)
            facts[f"{name}: records a second, later"] = await fill(
                make(customers, 2, later_ms), customers
            )
            facts[f"{name}: bytes a customer"] = (await _used_bytes(redis) - empty) / customers
        reader = ChangesReader(redis, settings.redis_key_prefix, kept_ms)
        last_day = day_of(later_ms + _YEAR_DAYS * DAY_MS - 1)
        began_s = time.monotonic()
        migration = await reader.migration(last_day - timedelta(days=_YEAR_DAYS - 1), last_day)
        facts["migration of a year, ms"] = (time.monotonic() - began_s) * 1_000
        facts["moves counted in it"] = sum(count for _, count in migration.counts)
    finally:
        await redis.aclose()
    return facts


async def _used_bytes(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.changes", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    arguments = parser.parse_args()
    try:
        with start_redis(own=True) as server:
            facts = asyncio.run(run(server.url, arguments.customers))
    except LocalServerError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(json.dumps({name: round(value, 1) for name, value in facts.items()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
