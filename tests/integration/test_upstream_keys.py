"""Upstream keys and partitions are not trusted: customers come together all the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from devtools.servers import Broker
from streams.kafka.topics import CUSTOMER_EVENTS, INPUT_TOPICS, OUTPUTS, UNROUTABLE, topic_for
from tests.harness.deployment import Deployment, Message
from tests.integration.audit import audit, consume
from tests.integration.truth import backtested
from tests.support.histories import History, random_policy

_INPUT_PARTITIONS = 3
_BASE_MS = 1_700_000_000_000


def spread(random: Random, lines: Iterable[bytes]) -> list[Message]:
    """Each line on its topic, in any partition, under any key or none; timestamps in order."""
    return [
        Message(
            input_topic(line),
            line,
            random.choice([None, b"", b"\xff", b"c1", b"c2", str(number).encode()]),
            random.randrange(_INPUT_PARTITIONS),
            _BASE_MS + number,
        )
        for number, line in enumerate(lines)
    ]


def input_topic(line: bytes) -> str:
    """The topic that a line belongs to."""
    try:
        found = json.loads(line)
    except ValueError:
        return UNROUTABLE
    return topic_for(found.get("type") if isinstance(found, dict) else None)


async def create_wide_inputs(deployment: Deployment) -> None:
    """Inputs with partitions of their own number; the rest as the settings say."""
    servers = deployment.settings.kafka_bootstrap_servers
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        names = [deployment.topic(name) for name in INPUT_TOPICS]
        await admin.create_topics([NewTopic(name, _INPUT_PARTITIONS, 1) for name in names])
    finally:
        await admin.close()
    await deployment.create_topics()


@pytest.mark.slow
async def test_a_history_scattered_over_the_inputs_gives_what_its_file_gives(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    random = Random(21)
    lines = History(random, customers=20, days=60).lines(800)
    policy = random_policy(random)
    with Deployment(
        embedded_broker, tmp_path, policy=policy, partitions=1, allowed_lateness="0s"
    ) as deployment:
        await create_wide_inputs(deployment)
        await deployment.send(spread(random, lines))
        worker = await deployment.ready_worker()
        await deployment.drained()
        assert worker.stop() == 0
        assert worker.complaints == []

        expected = backtested(deployment, lines)
        for topic in OUTPUTS:
            (records,) = await deployment.read(topic)
            assert consume(records) == expected.outputs[topic]
        (letters,) = await deployment.read("dead-letters")
        assert len(letters) == expected.report.dead_letters.total()
        assert expected.report.late > 10, "late events stay late"
        assert (await audit(deployment)).outputs > 100


@pytest.mark.slow
async def test_each_customer_is_in_one_partition_in_the_order_of_arrival(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    random = Random(22)
    lines = History(random, customers=20, days=60).lines(800)
    with Deployment(embedded_broker, tmp_path, policy=random_policy(random)) as deployment:
        await deployment.create_topics()
        await deployment.send(spread(random, lines))
        worker = await deployment.ready_worker()
        await deployment.drained()
        assert worker.stop() == 0
        assert worker.complaints == []

        arrived: dict[str, list[bytes]] = defaultdict(list)
        for line in lines:
            customer_id = _customer_of(line)
            if customer_id is not None:
                arrived[customer_id].append(line)
        logged: dict[str, list[bytes]] = {}
        for records in await deployment.read(CUSTOMER_EVENTS):
            here: dict[str, list[bytes]] = defaultdict(list)
            for record in records:
                if record.key is not None:
                    here[record.key.decode()].append(record.value)
            assert not here.keys() & logged.keys(), "a customer is in two partitions"
            logged |= here
        assert logged == arrived
        assert (await audit(deployment)).outputs > 100


def _customer_of(line: bytes) -> str | None:
    """The customer of a line that has one."""
    try:
        customer_id: str | None = json.loads(line).get("customer_id")
    except (ValueError, AttributeError):
        return None
    return customer_id
