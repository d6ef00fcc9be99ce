"""A changelog that cannot be restored: refused, named by `doctor`, mended by `rebuild-state`."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from devtools.servers import Broker
from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.customer import Customer, unpack
from streams.kafka.clients import open_admin
from streams.kafka.topics import CUSTOMER_EVENTS, OUTPUTS, changelog_name
from tests.builders import day, order
from tests.harness.deployment import Deployment, Message

_LIVE: dict[str, Any] = {"mode": "live", "tick_interval": "200ms", "partitions": 1}
_WITHIN_S = 60.0


async def write(deployment: Deployment, *records: tuple[bytes, bytes]) -> None:
    """Write to the changelog what does not belong there."""
    async with AIOKafkaProducer(
        bootstrap_servers=deployment.settings.kafka_bootstrap_servers
    ) as producer:
        for key, value in records:
            await producer.send_and_wait(changelog_name(deployment.settings), value, key, 0)


async def rebuilt(deployment: Deployment) -> CompletedProcess[str]:
    """Run the command, as soon as the group has no member any more."""
    deadline_s = time.monotonic() + _WITHIN_S
    while True:
        ended = deployment.run("rebuild-state", "--partition", "0")
        if "stop all workers first" not in ended.stderr or time.monotonic() > deadline_s:
            return ended
        await asyncio.sleep(0.5)


async def outputs(deployment: Deployment) -> dict[str, list[Any]]:
    """All that consumers were told, by topic."""
    return {
        name: [(record.key, record.value) for record in (await deployment.read(name))[0]]
        for name in OUTPUTS
    }


async def profiles(deployment: Deployment) -> dict[bytes, bytes]:
    [records] = await deployment.read(CUSTOMER_PROFILES)
    return {record.key: record.value for record in records}


async def states(deployment: Deployment) -> dict[str, Customer]:
    """All states, without what says who wrote them."""
    found = {}
    for customer_id, packed in (await deployment.state(0)).store.packed():
        found[customer_id] = unpack(packed)
        found[customer_id].epoch, found[customer_id].refused = 0, []
    return found


async def cut_log(deployment: Deployment, before: int) -> None:
    """Remove the head of the log, as retention would."""
    tp = TopicPartition(deployment.topic(CUSTOMER_EVENTS), 0)
    admin = await open_admin(deployment.settings)
    try:
        await admin.delete_records({tp: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


@pytest.mark.kafka
async def test_what_stands_in_the_way_is_named_and_the_states_come_back_from_the_log(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(kafka_broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        first = await deployment.ready_worker()
        orders = [order("o1", "900", day(0), name) for name in ("ana", "ben", "cem")]
        await deployment.send([Message("orders", value) for value in orders])
        await deployment.drained()
        assert first.stop() == 0
        told, shown, kept = (
            await outputs(deployment),
            await profiles(deployment),
            await states(deployment),
        )
        await write(deployment, (b"\xff", b"x"), (b"ana", b"no state"))

        second = deployment.start_worker()
        assert second.exit_code(within_s=_WITHIN_S) == 1
        assert "-changelog/0@" in second.log
        assert "'tierstream rebuild-state'" in second.log
        said = deployment.run("doctor").stdout
        assert "(of 'ana' is none that can be read" in said
        assert "(its key is no UTF-8)" in said
        assert "'tierstream rebuild-state --partition 0'" in said

        ended = await rebuilt(deployment)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith("partition 0: 3 states as of offset ")
        assert "2 records that were no states superseded" in ended.stdout
        assert "every state can be restored" in deployment.run("doctor").stdout
        assert await states(deployment) == kept

        third = await deployment.ready_worker()
        refused = deployment.run("rebuild-state")
        assert refused.returncode == 1
        assert "1 worker runs in group" in refused.stderr
        await deployment.send([Message("orders", order("o2", "5", day(1), "ben"))])
        await deployment.drained()
        assert third.stop() == 0
        after = await outputs(deployment)
        assert {name: found[: len(told[name])] for name, found in after.items()} == told
        assert (await profiles(deployment))[b"ana"] == shown[b"ana"]

        await cut_log(deployment, 3)
        ended = await rebuilt(deployment)
        assert ended.returncode == 1
        assert "/0 begins at offset 3: what was before is gone" in ended.stderr
