"""Somebody writes into our own topics, before a worker runs and while it does: nobody stops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from devtools.servers import Broker, RedisServer
from handlers.outputs import CUSTOMER_PROFILES, TIER_CHANGES
from streams.faust_app import allow_any_header_name
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, OUTPUTS, changelog_name
from tests.builders import day, order
from tests.harness.api import serving
from tests.harness.deployment import Deployment, Message
from tests.harness.view import eventually, projecting
from tests.support.header_names import AnyName, any_header_names
from tierstream_client import Alert, AlertConsumer, MemoryFile

_LIVE: dict[str, Any] = {"mode": "live", "tick_interval": "200ms", "partitions": 1}
_Written = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
NO_UTF_8 = ((AnyName(b"caf\xe9"), b"1"),)
"""A header that librdkafka sends and aiokafka's decoder does not take."""
WITH_ANY_KEY: tuple[_Written, ...] = (
    (b"\xff", b"\xff", ()),
    (b"ana", b"no JSON", ()),
    (b"nobody", b"[]", ()),
    (b"ana", None, ()),
    (b"\xff", b"no JSON", NO_UTF_8),
)
IN_THE_LOG: tuple[_Written, ...] = (
    (None, b'{"type":"clock.tick"}', ()),
    (None, b'{"type":"policy.activated","policy":7}', ()),
    (None, b"", ()),
    (b"ana", b"{}", (("source", b"x"), ("onward", b"x"))),
    (b"ana", b"{}", (("onward", b'{"type":"customer.followed","into":"ana"}'), ("source", b"x"))),
    (b"\xff", order("forged", "5", day(1)), (("source", b"\xff"), ("onward-from", b"?/?"))),
)
CUSTOMERS = ("ana", "ben", "cem")


async def meddle(deployment: Deployment, *topics: str) -> None:
    """Write to topics, by their full names, what does not belong there."""
    servers = deployment.settings.kafka_bootstrap_servers
    with any_header_names():
        async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
            for topic in topics:
                is_log = topic == deployment.topic(CUSTOMER_EVENTS)
                for key, value, headers in WITH_ANY_KEY + (IN_THE_LOG if is_log else ()):
                    await producer.send_and_wait(topic, value, key, 0, headers=list(headers))


async def sends(deployment: Deployment, customer_id: str) -> None:
    """An order that changes a tier, with a header whose name is no UTF-8, done to its end."""
    value = order("o1", "900", day(0), customer_id)
    with any_header_names():
        await deployment.send([Message("orders", value, headers=NO_UTF_8)])
    await deployment.drained()


@pytest.mark.kafka
async def test_what_is_not_ours_in_our_topics_is_passed_over_and_counted_by_everybody(
    kafka_broker: Broker, redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = {**_LIVE, "redis_url": redis_server.url}
    allow_any_header_name()  # the test reads the topics, too
    with Deployment(kafka_broker, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        changelog = changelog_name(deployment.settings)
        shared = [deployment.topic(name) for name in (*OUTPUTS, CUSTOMER_PROFILES, DEAD_LETTERS)]
        log = deployment.topic(CUSTOMER_EVENTS)
        await meddle(deployment, log, *shared)
        first = await deployment.ready_worker()
        await sends(deployment, "ana")
        await meddle(deployment, log, *shared, changelog)
        await sends(deployment, "ben")
        profiles = deployment.topic(CUSTOMER_PROFILES)
        for topic in (log, changelog, profiles):
            assert first.value("foreign_records_total", topic=topic) > 0, topic
        assert first.value("dead_letters_total") == 2 * len(WITH_ANY_KEY + IN_THE_LOG)
        assert first.stop() == 0

        second = await deployment.ready_worker()
        await sends(deployment, "cem")
        assert second.stop() == 0
        state = await deployment.state(0)
        assert state.store.ids() == [*CUSTOMERS]
        said = deployment.run("doctor").stdout
        assert said.count("!!") == 1
        assert "(its key is no UTF-8): not ours, and passed over" in said

        await are_shown(deployment)
        assert await told(deployment, tmp_path) == [*CUSTOMERS]
        file = tmp_path / "dump"
        for command in (
            f"dump 0 -o {file}",
            "dead-letters list",
            "dead-letters replay",
            "explain ana",
        ):
            ended = deployment.run(*command.split())
            assert ended.returncode == 0, f"{command}: {ended.stderr}"


async def are_shown(deployment: Deployment) -> None:
    """All customers come to the view, and out of the API."""
    async with projecting(deployment.settings), serving(deployment.settings) as api:

        async def all_of_them() -> bool:
            paths = [f"/v1/customers/{customer_id}" for customer_id in CUSTOMERS]
            return [(await api.http.get(path)).status_code for path in paths] == [200] * 3

        await eventually(all_of_them)


async def told(deployment: Deployment, folder: Path) -> list[str]:
    """Whose tiers changed, as a program with the client is told."""
    found: list[str] = []
    servers = deployment.settings.kafka_bootstrap_servers
    with MemoryFile(folder / "memory") as memory:
        topics = [deployment.topic(TIER_CHANGES)]
        async with AlertConsumer(servers, topics, memory) as consumer:

            async def handle(alert: Alert) -> None:
                found.append(json.loads(alert.value)["subject"])
                if alert.customer_id == CUSTOMERS[-1]:
                    consumer.stop()

            await consumer.run(handle)
    return [*dict.fromkeys(found)]
