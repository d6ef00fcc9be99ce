"""Has brokers compact what they would compact one day, and waits until they did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from devtools.servers import Broker
from scoring.timestamps import rfc3339
from tests.builders import edited, viewed
from tests.harness.deployment import Deployment, Message
from tests.integration.canary_search import compacted_topics, in_files, traces

_AT_ONCE = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "100",
    "file.delete.delay.ms": "100",
}
_WITHIN_S = 60.0
_PAUSE_S = 0.3


async def compacted(deployment: Deployment, broker: Broker, canaries: Mapping[str, bytes]) -> None:
    """Have a deployment's compacted topics compacted until no canary is left in any file of them.

    The log is compacted only before its newest segment, and a segment is closed by a later record;
    so somebody else, in the one partition, goes on living.
    """
    assert deployment.settings.partitions == 1
    assert traces(canaries, in_files(deployment, broker)), "the files are the right ones"
    await _alter(deployment)
    deadline_s = time.monotonic() + _WITHIN_S
    while found := traces(canaries, in_files(deployment, broker)):
        assert time.monotonic() < deadline_s, found
        at = rfc3339(time.time_ns() // 1_000_000)
        line = edited(viewed(at, "ben"), event_id=f"ben {time.monotonic_ns()}")
        await deployment.send([Message("browse", line)])
        await asyncio.sleep(_PAUSE_S)
    await deployment.drained()


async def _alter(deployment: Deployment) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, topic, configs=_AT_ONCE)
                for topic in compacted_topics(deployment)
            ]
        )
    finally:
        await admin.close()
