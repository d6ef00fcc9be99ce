"""The whole catalogue of bad records in a load whose worker is killed: every record is told for."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from devtools.servers import Broker
from scoring.timestamps import rfc3339
from tests.builders import edited, order, ticket_opened, viewed
from tests.fault.bad_records import BadRecord, OddRecord, bad_records, groundwork, odd_records
from tests.harness.deployment import Deployment, Message
from tests.harness.running_worker import RunningWorker
from tests.integration.audit import audit
from tests.integration.letters import check_letter, letters_by_source, message_of
from tests.integration.truth import backtested

_SEED = 7
_GOOD_TO_ONE_BAD = 19
_TOLD_TWICE_OF = 25
_KILLS = 3
_KILL_WITHIN_S = 30.0
_PARTITIONS = 3

Load = list[tuple[Message, BadRecord | None]]
"""What is sent, each with the catalogue's word on it."""


def good_message(random: Random, number: int, at: str) -> Message:
    """An event of one of 40 customers, always on the same partition of its topic."""
    customer = random.randrange(40)
    name = f"good-{customer}"
    topic, value = random.choice(
        [
            ("orders", order(f"good-{number}", "12.50", at, name)),
            ("browse", edited(viewed(at, name), event_id=f"view-{number}")),
            ("support", ticket_opened(f"good-{number}", at, name)),
        ]
    )
    return Message(topic, value, None, customer % _PARTITIONS)


def mixed_load(random: Random, at: str) -> Load:
    """Good events, some told twice, and after every 19 of them the next of the catalogue."""
    bad, odd = bad_records(at=at), odd_records(at=at)
    random.shuffle(bad)
    load: Load = []
    records: list[BadRecord | OddRecord] = [*bad, *odd]
    for number, record in enumerate(records):
        for nth in range(_GOOD_TO_ONE_BAD):
            load.append((good_message(random, number * _GOOD_TO_ONE_BAD + nth, at), None))
            if random.randrange(_TOLD_TWICE_OF) == 0:
                load.append(load[-1])
        partition = random.randrange(_PARTITIONS)
        word = record if isinstance(record, BadRecord) else None
        load.append((message_of(record, number, partition), word))
    return load


async def works(worker: RunningWorker, records: int) -> None:
    """Wait until a worker has forwarded or refused so many records."""
    deadline_s = time.monotonic() + _KILL_WITHIN_S
    while worker.value("events_total") < records:
        worker.must_run()
        assert time.monotonic() < deadline_s, worker.log
        await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_every_record_is_accepted_a_duplicate_or_one_dead_letter(
    broker: Broker, tmp_path: Path
) -> None:
    random = Random(_SEED)
    at = rfc3339(time.time_ns() // 1_000_000)
    load = mixed_load(random, at)
    size = len(load) // (_KILLS + 1) + 1
    shares = [load[start : start + size] for start in range(0, len(load), size)]
    settings: dict[str, Any] = {"mode": "live", "partitions": _PARTITIONS}
    with Deployment(broker, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        ground = [Message(topic, value, None, 0) for topic, value in groundwork(at)]
        positions = await deployment.send(ground)
        await deployment.drained()
        for share in shares[:-1]:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(deployment.send([message for message, _ in share]))
                await works(worker, random.randrange(1, size))
                worker.kill()
            positions += sending.result()
            worker = await deployment.ready_worker()
        positions += await deployment.send([message for message, _ in shares[-1]])
        await deployment.drained()
        assert worker.value("ingest_stops_total") == 0, "one in twenty is no reason to stop"
        assert worker.stop() == 0
        await audit(deployment)

        letters, _ = letters_by_source(await deployment.read("dead-letters"))
        placed = dict(zip(positions[len(ground) :], load, strict=True))
        assert letters.keys() == {at for at, (_, word) in placed.items() if word is not None}
        for position, letter in letters.items():
            message, word = placed[position]
            assert word is not None
            check_letter(letter, word, message)

        counts: Counter[str] = Counter()
        for number in range(_PARTITIONS):
            lines, _ = await deployment.dump(number)
            report = backtested(deployment, lines).report
            counts["accepted"] += report.accepted
            counts["duplicates"] += report.duplicates
        told_twice = sum(1 for one, next_one in pairwise(load) if one == next_one)
        assert counts["duplicates"] == told_twice
        assert counts.total() + len(letters) == len(positions)
