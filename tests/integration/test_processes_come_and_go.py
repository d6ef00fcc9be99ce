"""Workers, projectors and APIs that join and leave under load, in any order: nothing is lost.

`make soak JOINS=200 SEED=7` lets so many of each kind join or leave.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from devtools.servers import Broker, RedisServer
from handlers.outputs import CUSTOMER_PROFILES
from tests.harness.deployment import Deployment
from tests.harness.environment import CLI
from tests.harness.flow import Flow
from tests.harness.running_worker import RunningWorker
from tests.harness.view import eventually, reader_of, redis_of
from tests.integration.audit import audit

_log = logging.getLogger(__name__)

KINDS = {kind: (*CLI, kind) for kind in ("worker", "projector", "api")}
MOST = {"worker": 3, "projector": 3, "api": 2}
STOP_S = 60.0


class Crowd:
    """Processes of each kind, at least one of which runs.

    Attributes:
        moves: how many joined or left, by kind.
    """

    def __init__(self, deployment: Deployment, random: Random) -> None:
        self._deployment = deployment
        self._random = random
        self._running: dict[str, list[RunningWorker]] = {kind: [] for kind in KINDS}
        self._all: list[RunningWorker] = []
        self._codes: list[int] = []
        self.moves: Counter[str] = Counter()

    async def begin(self) -> None:
        """Start the first of each kind."""
        for kind in KINDS:
            self._join(kind)
        for kind in KINDS:
            await self._running[kind][0].ready()

    async def move(self, kind: str) -> None:
        """Let one join or leave, and perhaps wait until all are ready."""
        there = self._running[kind]
        if len(there) == 1 or (len(there) < MOST[kind] and self._random.random() < 0.5):
            self._join(kind)
        else:
            await self._leave(there.pop(self._random.randrange(len(there))))
        self.moves[kind] += 1
        await asyncio.sleep(self._random.uniform(0, 0.5))

    async def end(self) -> None:
        """Stop everybody who is left."""
        for there in self._running.values():
            while there:
                await self._leave(there.pop())

    @property
    def complaints(self) -> list[str]:
        """What any of them logged as an error, or as no line of a log; and codes of failures."""
        lines = [line for process in self._all for line in process.log.splitlines()]
        return [line for line in lines if _complains(line)] + [f"{code}" for code in self._codes]

    def _join(self, kind: str) -> None:
        process = self._deployment.start_worker(KINDS[kind])
        self._running[kind].append(process)
        self._all.append(process)

    async def _leave(self, process: RunningWorker) -> None:
        await process.ready()  # a process that has only just begun dies of the signal
        code = await asyncio.to_thread(process.stop, STOP_S)
        if code:
            self._codes.append(code)


def _complains(line: str) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return True
    return record["level"] in ("error", "critical") or "exception" in record


async def come_and_go(deployment: Deployment, seed: int, joins: int) -> None:
    """Let so many of each kind join or leave under load; then compare everything."""
    random = Random(seed)
    await deployment.create_topics()
    crowd = Crowd(deployment, random)
    await crowd.begin()
    kinds = [kind for kind in KINDS for _ in range(joins)]
    random.shuffle(kinds)
    async with Flow(deployment, seed=seed, days=0.1) as flow:
        for number, kind in enumerate(kinds, 1):
            await crowd.move(kind)
            assert crowd.complaints == []
            if number % 30 == 0:
                _log.info("%s joins and leaves, %s events", number, flow.sent)
    await deployment.drained()
    await view_is_complete(deployment)
    await crowd.end()
    assert crowd.complaints == []
    assert crowd.moves == dict.fromkeys(KINDS, joins)
    found = await audit(deployment)
    assert found.outputs > 0
    _log.info("%s events, %s", flow.sent, found)


async def view_is_complete(deployment: Deployment) -> None:
    """Wait until the view has the newest profile of every customer."""
    newest = {
        record.key.decode(): None if record.value is None else json.loads(record.value)["data"]
        for part in await deployment.read(CUSTOMER_PROFILES)
        for record in part
    }
    async with redis_of(deployment.settings) as redis:
        reader = reader_of(redis, deployment.settings)

        async def claim() -> bool:
            found = await reader.profiles(list(newest))
            return [one and json.loads(one) for one in found] == list(newest.values())

        await eventually(claim)


@pytest.fixture
def deployment(
    kafka_broker: Broker, redis_server: RedisServer, topic_prefix: str, tmp_path: Path
) -> Iterator[Deployment]:
    with Deployment(
        kafka_broker,
        tmp_path,
        redis_url=redis_server.url,
        redis_key_prefix=topic_prefix,
        rebalance_timeout="20s",
    ) as deployment:
        yield deployment


@pytest.mark.kafka
@pytest.mark.slow
async def test_each_kind_comes_and_goes_under_load(deployment: Deployment) -> None:
    await come_and_go(deployment, seed=3, joins=2)


@pytest.mark.soak
async def test_soak_of_joins_and_leaves(deployment: Deployment) -> None:
    joins, seed = int(os.environ.get("JOINS", "200")), int(os.environ.get("SEED", "1"))
    await come_and_go(deployment, seed, joins)
