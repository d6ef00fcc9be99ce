"""Topics that change under running workers: they refuse, again and again, and skip nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic

from streams.local import RedisServer, start_redis
from tests.fault.cluster import Cluster
from tests.fault.deployment import PARTITIONS, Deployment
from tests.fault.evidence import LOG_TOPIC, ProcessLife, Sample
from tests.fault.rounds import started
from tests.fault.schedule import Shape

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

_SHAPE = Shape(workers=2)
_REFUSAL_S = 60.0
_ENDS_EACH = 2
"""A worker must refuse while it runs, and again when it is started anew."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with started(1) as running:
        yield running


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with start_redis(own=True) as running:
        yield running


@asynccontextmanager
async def _under_load(
    cluster: Cluster, redis_server: RedisServer, folder: Path
) -> AsyncIterator[Deployment]:
    """A deployment that has taken some of its load and is still being sent more."""
    async with Deployment(cluster, redis_server, 1, _SHAPE, folder) as deployment:
        await deployment.start()
        assert await deployment.drained() is not None
        yield deployment


async def test_a_log_that_is_given_partitions_is_refused(
    cluster: Cluster, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with _under_load(cluster, redis_server, tmp_path) as deployment:
        name = deployment.names[LOG_TOPIC]
        async with _admin(cluster) as admin:
            await admin.create_partitions({name: NewPartitions(PARTITIONS + 1)})
        for life in await _refusals(deployment, name):
            assert f"{PARTITIONS + 1} partitions" in life.last_line


@pytest.mark.parametrize("short", ["orders", LOG_TOPIC])
async def test_a_topic_that_is_made_anew_is_refused_and_nothing_of_it_is_skipped(
    cluster: Cluster, redis_server: RedisServer, tmp_path: Path, short: str
) -> None:
    async with _under_load(cluster, redis_server, tmp_path) as deployment:
        await deployment.load.pause()
        name = deployment.names[short]
        await _make_anew(cluster, name)
        deployment.load.flow()
        before = await _sample(deployment)
        for life in await _refusals(deployment, name):
            assert "made anew" in life.last_line or "lost records" in life.last_line
        await deployment.load.pause()
        after = await _sample(deployment)
        places = [(short, number) for number in range(PARTITIONS)]
        assert [after.committed.get(place) for place in places] == [
            before.committed.get(place) for place in places
        ], "the position of the former topic stays as it is"


async def _refusals(deployment: Deployment, topic: str) -> list[ProcessLife]:
    """Wait until each worker has ended for the topic's sake more than once; these ends."""
    deadline_s = deployment.watch.now_s + _REFUSAL_S
    workers = [deployment.place(f"worker-{number}") for number in range(_SHAPE.workers)]
    while True:
        ends = [[life for life in place.lives if topic in life.last_line] for place in workers]
        if all(len(found) >= _ENDS_EACH for found in ends):
            break
        said = [life.last_line for place in workers for life in place.lives]
        assert deployment.watch.now_s < deadline_s, f"{topic} is not refused: {said}"
        await asyncio.sleep(0.1)
    lives = [life for found in ends for life in found]
    assert {life.exit_code for life in lives} == {1}
    return lives


async def _sample(deployment: Deployment) -> Sample:
    sample = await deployment.sampler.take()
    assert sample is not None
    return sample


async def _make_anew(cluster: Cluster, name: str) -> None:
    """Delete a topic and make it again, as somebody does who wants it empty."""
    async with _admin(cluster) as admin, asyncio.timeout(30):
        await admin.delete_topics([name])
        while True:
            await asyncio.sleep(0.1)
            if name in await admin.list_topics():
                continue
            answer = await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
            if not answer.topic_errors[0][1]:
                return


@asynccontextmanager
async def _admin(cluster: Cluster) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
