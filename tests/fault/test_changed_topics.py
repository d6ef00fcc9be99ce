"""Topics that change under running workers: they refuse, again and again, and skip nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic

from devtools.servers import RedisServer
from tests.fault.drafts import Draft
from tests.fault.evidence import CHANGELOG, LOG_TOPIC, PROFILES_TOPIC, Sample
from tests.fault.rig import PARTITIONS, Rig
from tests.fault.schedule import Shape
from tests.fault.taking import take_topics
from tests.harness.cluster import Cluster
from tests.harness.life import ProcessLife
from tests.harness.supervisor import Place

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

_SHAPE = Shape(workers=2)
_REFUSAL_S = 90.0


@asynccontextmanager
async def _under_load(
    cluster: Cluster, redis_server: RedisServer, folder: Path
) -> AsyncIterator[Rig]:
    """A deployment that has taken some of its load and is still being sent more."""
    async with Rig(cluster, redis_server, 1, _SHAPE, folder) as rig:
        await rig.start()
        assert await rig.drained() is not None
        yield rig


async def test_a_log_that_is_given_partitions_is_refused(
    cluster: Cluster, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with _under_load(cluster, redis_server, tmp_path) as rig:
        name = rig.names[LOG_TOPIC]
        async with _admin(cluster) as admin:
            await admin.create_partitions({name: NewPartitions(PARTITIONS + 1)})
        await _is_refused(rig, name, f"{PARTITIONS + 1} partitions")


async def test_a_log_that_is_made_anew_is_refused(
    cluster: Cluster, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with _under_load(cluster, redis_server, tmp_path) as rig:
        name = rig.names[LOG_TOPIC]
        await _make_anew(cluster, name)
        await _is_refused(rig, name, "made anew")


async def test_an_input_that_is_made_anew_is_refused_until_somebody_says_so_and_not_skipped(
    cluster: Cluster, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with _under_load(cluster, redis_server, tmp_path) as rig:
        await rig.load.pause()
        name = rig.names["orders"]
        await _make_anew(cluster, name)
        customers = [f"anew-{number}" for number in range(20)]
        await rig.load.send(_order(rig, customer) for customer in customers)
        await rig.load.pause()
        await _is_refused(rig, name, "made anew")
        await rig.stop_workers()
        await rig.command("topics", "adopt", "orders", "--yes")
        for place in _workers(rig):
            place.want()
        assert await rig.drained() is not None
        servers = cluster.bootstrap_servers
        [profiles] = (
            await take_topics(servers, {PROFILES_TOPIC: rig.names[PROFILES_TOPIC]}, PARTITIONS)
        ).values()
        told = {record.key for records in profiles.values() for record in records}
        assert {customer.encode() for customer in customers} <= told


def _order(rig: Rig, customer: str) -> Draft:
    event = {
        "event_id": f"first-of-{customer}",
        "type": "order.placed",
        "customer_id": customer,
        "occurred_at": rig.watch.now_ms,
        "order_id": f"order-of-{customer}",
        "amount": "12.50",
        "currency": "USD",
    }
    return Draft("orders", json.dumps(event).encode(), customer.encode(), "good")


def _workers(rig: Rig) -> list[Place]:
    return [rig.place(f"worker-{number}") for number in range(_SHAPE.workers)]


async def _is_refused(rig: Rig, topic: str, why: str) -> None:
    """Each worker ends for the topic's sake, however often it is started, and applies nothing."""
    await _refusals(rig, topic, 1)
    before = await _sample(rig)
    lives = await _refusals(rig, topic, 3)
    after = await _sample(rig)
    assert {life.exit_code for life in lives} == {1}
    assert why in " ".join(life.last_line for life in lives)
    states = [(CHANGELOG, number) for number in range(PARTITIONS)]
    assert [after.ends[place] for place in states] == [before.ends[place] for place in states]


async def _refusals(rig: Rig, topic: str, count: int) -> list[ProcessLife]:
    """Wait until each worker has ended so often for the topic's sake; these ends."""
    deadline_s = rig.watch.now_s + _REFUSAL_S
    places = _workers(rig)
    while True:
        ends = [[life for life in place.lives if topic in life.last_line] for place in places]
        if all(len(found) >= count for found in ends):
            return [life for found in ends for life in found]
        said = [life.last_line for place in places for life in place.lives]
        assert rig.watch.now_s < deadline_s, f"{topic} is not refused: {said}"
        await asyncio.sleep(0.1)


async def _sample(rig: Rig) -> Sample:
    sample = await rig.sampler.take()
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
