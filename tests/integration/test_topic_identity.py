"""Topics that are made anew, given partitions or robbed of records: refused, then adopted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete

from devtools.servers import Broker
from streams.kafka.topics import changelog_name
from tests.builders import day, order
from tests.harness.deployment import Deployment, Message
from tests.harness.running_worker import RunningWorker

pytestmark = pytest.mark.kafka

SOON_S = 40


@pytest.fixture
async def deployment(kafka_broker: Broker, tmp_path: Path) -> AsyncIterator[Deployment]:
    with Deployment(kafka_broker, tmp_path, partitions=2, rebalance_timeout="6s") as made:
        await made.create_topics()
        yield made


@asynccontextmanager
async def admin_of(deployment: Deployment) -> AsyncIterator[AIOKafkaAdminClient]:
    servers = deployment.settings.kafka_bootstrap_servers
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def make_anew(deployment: Deployment, topic: str, partitions: int = 2) -> None:
    """Delete a topic and make it again, as somebody does who wants it empty."""
    async with admin_of(deployment) as admin:
        await admin.delete_topics([topic])
        deadline_s = time.monotonic() + SOON_S
        while topic in await admin.list_topics():
            assert time.monotonic() < deadline_s, f"{topic} stays"
            await asyncio.sleep(0.05)
        while (await admin.create_topics([NewTopic(topic, partitions, 1)])).topic_errors[0][1]:
            assert time.monotonic() < deadline_s, f"{topic} cannot be made"
            await asyncio.sleep(0.05)


def orders(prefix: str, count: int, customer: str = "ana", partition: int = 0) -> list[Message]:
    return [
        Message("orders", order(f"{prefix}{number}", "12", day(0), customer), partition=partition)
        for number in range(count)
    ]


async def after_orders(deployment: Deployment, count: int = 5) -> RunningWorker:
    """A worker that has taken so many orders of one partition."""
    worker = await deployment.ready_worker()
    await deployment.send(orders("A", count))
    await deployment.drained()
    return worker


async def counted(deployment: Deployment) -> Mapping[str, int]:
    """Orders by customer, as a restore would find them."""
    found: dict[str, int] = {}
    for number in range(deployment.settings.partitions):
        store = (await deployment.state(number)).store
        for customer_id in store.ids():
            customer = store.get(customer_id)
            assert customer is not None
            found[customer_id] = customer.ledger.orders_ever
    return found


def refusal(worker: RunningWorker) -> str:
    """The sentence with which a worker ended, soon and with a failure."""
    assert worker.exit_code(SOON_S) == 1
    lines = [line for line in worker.log.splitlines() if "worker stopped by TopicChanged" in line]
    assert len(lines) == 1, worker.log
    return lines[0]


async def test_an_input_made_anew_while_nobody_ran_is_refused_until_it_is_adopted(
    deployment: Deployment,
) -> None:
    worker = await after_orders(deployment)
    assert worker.stop() == 0
    topic = deployment.topic("orders")
    await make_anew(deployment, topic)
    deployment.forget_sent(topic)
    await deployment.send(orders("B", 7, "ben"))

    sentence = refusal(deployment.start_worker())
    assert f"topic {topic} was deleted and made anew" in sentence
    assert f"tierstream topics adopt {topic}" in sentence
    doctor = deployment.run("doctor").stdout
    assert f"!!  topic {topic} was deleted and made anew" in doctor

    told = deployment.run("topics", "adopt", "orders")
    assert (told.returncode, told.stderr) == (0, "")
    assert f"{topic}/0 would be read from offset 0 on: 7 records of the new topic" in told.stdout
    assert "nothing was changed" in told.stdout
    refusal(deployment.start_worker())

    done = deployment.run("topics", "adopt", "orders", "--yes")
    assert f"{topic}/0 is read from offset 0 on" in done.stdout
    assert "nothing to do" in deployment.run("topics", "adopt", "orders").stdout
    worker = await deployment.ready_worker()
    await deployment.drained()
    assert deployment.run("topics", "adopt", "orders").returncode == 1, "a worker runs"
    assert worker.stop() == 0
    assert await counted(deployment) == {"ana": 5, "ben": 7}


async def test_an_input_made_anew_under_a_running_worker_ends_it(deployment: Deployment) -> None:
    worker = await after_orders(deployment)
    await make_anew(deployment, deployment.topic("orders"))
    assert "orders" in refusal(worker)


async def test_an_input_that_is_given_partitions_is_read_on(deployment: Deployment) -> None:
    worker = await after_orders(deployment)
    topic = deployment.topic("orders")
    async with admin_of(deployment) as admin:
        await admin.create_partitions({topic: NewPartitions(total_count=4)})
    await deployment.send(orders("B", 3, "ben", partition=3))
    await deployment.drained()
    assert worker.stop() == 0
    assert await counted(deployment) == {"ana": 5, "ben": 3}


@pytest.mark.parametrize("name", ["customer-events", "tier-changes", "dead-letters"])
async def test_no_other_topic_may_be_given_partitions(deployment: Deployment, name: str) -> None:
    worker = await after_orders(deployment)
    topic = deployment.topic(name)
    async with admin_of(deployment) as admin:
        await admin.create_partitions({topic: NewPartitions(total_count=3)})
    assert f"topic {topic} has 3 partitions and had 2" in refusal(worker)
    assert "3 partitions" in deployment.run("worker").stderr, "it is refused at the start, too"


@pytest.mark.parametrize("which", ["log", "changelog"])
async def test_what_state_was_made_from_is_refused_for_good(
    deployment: Deployment, which: str
) -> None:
    worker = await after_orders(deployment)
    assert worker.stop() == 0
    topic = (
        deployment.topic("customer-events")
        if which == "log"
        else changelog_name(deployment.settings)
    )
    await make_anew(deployment, topic)
    sentence = refusal(deployment.start_worker())
    assert f"topic {topic} was deleted and made anew" in sentence
    assert "begin anew with another TIERSTREAM_APP_ID" in sentence
    refused = deployment.run("topics", "adopt", topic)
    assert refused.returncode == 1
    assert topic in refused.stderr


async def test_records_removed_before_they_were_read_are_told_and_can_be_given_up(
    deployment: Deployment,
) -> None:
    worker = await after_orders(deployment)
    assert worker.stop() == 0
    topic = deployment.topic("orders")
    await deployment.send(orders("B", 4, "ben"))
    await remove_before(deployment, topic, 7)

    sentence = refusal(deployment.start_worker())
    assert f"records 5 to 6 of {topic}/0 were removed before they were read" in sentence
    done = deployment.run("topics", "adopt", topic, "--yes")
    assert f"{topic}/0 is read from offset 7 on: records 5 to 6 are given up" in done.stdout
    worker = await deployment.ready_worker()
    await deployment.drained()
    assert worker.stop() == 0
    assert await counted(deployment) == {"ana": 5, "ben": 2}


async def remove_before(deployment: Deployment, topic: str, offset: int) -> None:
    """What a retention does, at once."""
    async with admin_of(deployment) as admin:
        records: Any = {TopicPartition(topic, 0): RecordsToDelete(before_offset=offset)}
        await admin.delete_records(records)
