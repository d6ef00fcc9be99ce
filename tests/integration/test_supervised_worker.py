"""A worker that cannot keep its promises ends with a sentence; its supervisor heals the rest."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from devtools.servers import Broker
from tests.builders import day, order
from tests.harness.deployment import Deployment, Message
from tests.harness.flow import Flow
from tests.harness.supervised_worker import SupervisedWorker
from tests.integration.audit import audit

pytestmark = pytest.mark.kafka

APP = "tests.harness.apps.stuck_worker"
SESSION_S = 6
STALL_S = 10


def deployed(broker: Broker, folder: Path) -> Deployment:
    return Deployment(
        broker,
        folder,
        partitions=1,
        session_timeout=f"{SESSION_S}s",
        rebalance_timeout="6s",
        stall_timeout=f"{STALL_S}s",
    )


@asynccontextmanager
async def topic_setting(deployment: Deployment, topic: str, **config: str) -> AsyncIterator[None]:
    """Give a topic a setting for a while."""
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.settings.kafka_bootstrap_servers)
    named = {name.replace("_", "."): value for name, value in config.items()}
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=named)])
        yield
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={})])
    finally:
        await admin.close()


async def test_a_worker_that_dies_is_lost_or_cannot_write_is_healed_by_its_supervisor(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    with deployed(kafka_broker, tmp_path) as deployment:
        await deployment.create_topics()
        async with SupervisedWorker(deployment) as supervisor:
            await supervisor.ready()
            async with Flow(deployment, seed=21):
                await asyncio.sleep(0.5)
                supervisor.worker.kill()
                assert await supervisor.ended(1, within_s=5) == -9

                frozen = await supervisor.ready()
                frozen.freeze()
                await asyncio.sleep(SESSION_S + 3)
                frozen.thaw()
                assert await supervisor.ended(2, within_s=15) == 1
                assert "AssignmentLost: the consumer group" in frozen.log

                refused = await supervisor.ready()
                changes = deployment.topic("tier-changes")
                async with topic_setting(deployment, changes, max_message_bytes="100"):
                    assert await supervisor.ended(3, within_s=25) == 1
                assert f"ProduceFailed: {changes}/0: MessageSizeTooLarge" in refused.log
                await supervisor.ready()
                await asyncio.sleep(0.5)
            await deployment.drained()
        assert supervisor.codes[-1] == 0
        await audit(deployment)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("engine", "Stalled: {prefix}customer-events/0 has"),
        ("ingest", "Stalled: {prefix}orders/0 has 1 records to take and stood still at offset 0"),
        ("loop", "the event loop has not turned for 10 s"),
    ],
)
async def test_a_worker_that_hangs_ends_and_the_next_one_drains(
    kafka_broker: Broker, tmp_path: Path, part: str, sentence: str
) -> None:
    with deployed(kafka_broker, tmp_path) as deployment:
        await deployment.create_topics()
        await deployment.send([Message("orders", order("A1", "12", day(0)))])
        stuck = deployment.start_worker([sys.executable, "-m", APP, part])
        async with SupervisedWorker(deployment, stuck) as supervisor:
            assert await supervisor.ended(1, within_s=STALL_S + 40) == 1
            assert sentence.format(prefix=deployment.topic("")) in stuck.log
            await supervisor.ready()
            await deployment.drained()
        assert supervisor.codes[-1] == 0
        await audit(deployment)
