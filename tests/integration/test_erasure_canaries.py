"""After an erasure no byte of the person is kept, whatever was told and whoever writes late."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from devtools.servers import Broker, start_redis
from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.customer import pack, unpack
from scoring.timestamps import rfc3339
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, changelog_name
from tests.builders import merged
from tests.harness.deployment import Deployment, Message
from tests.harness.running_worker import RunningWorker
from tests.integration.canaries import Person
from tests.integration.canary_search import (
    in_files,
    in_memory,
    in_topics,
    kept_of_customers,
    traces,
)
from tests.integration.compaction import compacted
from tests.integration.erasing import PROJECTOR, erasing, live

_REWRITTEN_WITHIN_S = 30.0


@pytest.mark.kafka
@pytest.mark.timeout(240)
async def test_nothing_of_an_erased_person_is_found_anywhere(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """The person was known by two ids, and is erased under the one that was merged away."""
    former, person = Person(), Person()
    canaries = _of_both(former.canaries, person.canaries)
    # All of Redis is searched, so nobody else may write there.
    with (
        start_redis(own=True) as redis,
        erasing(kafka_broker, redis, tmp_path, mode="live") as deployment,
    ):
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        projector = await deployment.ready_worker(program=PROJECTOR)
        await live(deployment, [former, person])
        before = await kept_of_customers(deployment, redis)
        log = await in_topics(deployment, [deployment.topic(CUSTOMER_EVENTS)])
        for one in (former, person):
            _assert_all_is_found(one, before, log)
        await _merge(deployment, former, person)

        receipt = _erase(deployment, former)
        assert (receipt["known"], receipt["complete"]) == ("known", True)
        assert receipt["erased_id"] == person.customer_id
        await deployment.send([*former.late(), *person.late()])
        await deployment.drained()
        for one in (former, person):
            await _write_as_a_former_owner(deployment, one)
        await compacted(deployment, kafka_broker, canaries)

        after = await kept_of_customers(deployment, redis)
        told = {"worker": worker.metrics, "projector": projector.metrics, "logs": _logs(deployment)}
        letters = await in_topics(deployment, [deployment.topic(DEAD_LETTERS)])
        files = in_files(deployment, kafka_broker)
        assert traces(canaries, {**after, **told, **letters, **files}) == set()
        seen = {place: content for place, content in after.items() if "Redis" in place}
        ids = {one.customer_id: one.customer_id.encode() for one in (former, person)}
        assert traces(ids, seen) == set()
        assert traces({"ben": b"ben"}, seen), "somebody else is still there"

        assert worker.stop() == 0
        fresh = await deployment.ready_worker()
        await deployment.drained()
        if sys.platform == "linux":
            assert _in_memory(fresh, {"ben": b"ben"}), "its memory is what is looked through"
            assert _in_memory(fresh, canaries) == set()
        assert fresh.stop() == 0


def _of_both(former: Mapping[str, bytes], person: Mapping[str, bytes]) -> dict[str, bytes]:
    return {
        **{f"former {name}": canary for name, canary in former.items()},
        **person,
    }


async def _merge(deployment: Deployment, former: Person, person: Person) -> None:
    at = rfc3339(time.time_ns() // 1_000_000)
    line = merged(person.customer_id, at, former.customer_id)
    await deployment.send([Message("profiles", line)])
    await deployment.drained()


def _assert_all_is_found(
    person: Person, kept: Mapping[str, bytes], log: Mapping[str, bytes]
) -> None:
    """Else nothing would follow from finding nothing."""
    found = traces(person.kept, kept)
    assert {name for name, _ in found} == person.kept.keys()
    assert {place for _, place in found} == kept.keys()
    assert {name for name, _ in traces(person.passed, log)} == person.passed.keys()


def _erase(deployment: Deployment, person: Person) -> dict[str, Any]:
    done = deployment.run("erase", person.customer_id, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    receipt: dict[str, Any] = json.loads(done.stdout)
    return receipt


async def _write_as_a_former_owner(deployment: Deployment, person: Person) -> None:
    """Put the person's state and profile of before behind those of now; the owner must answer."""
    key, changelog = person.customer_id.encode(), changelog_name(deployment.settings)
    profiles = deployment.topic(CUSTOMER_PROFILES)
    states = map(unpack, await _values(deployment, changelog, key))
    state = [one for one in states if not one.is_gone][-1]
    profile = [one for one in await _values(deployment, profiles, key) if one is not None][-1]
    state.epoch -= 1
    servers = deployment.settings.kafka_bootstrap_servers
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        await producer.send_and_wait(changelog, pack(state), key, 0)
        await producer.send_and_wait(profiles, profile, key, 0)
    await _newest(deployment, changelog, key, lambda value: unpack(value).is_gone)
    await _newest(deployment, profiles, key, lambda value: value is None)


async def _newest(
    deployment: Deployment, topic: str, key: bytes, is_right: Callable[[Any], bool]
) -> None:
    deadline_s = time.monotonic() + _REWRITTEN_WITHIN_S
    while not is_right((await _values(deployment, topic, key))[-1]):
        assert time.monotonic() < deadline_s, f"{topic} has what a former owner wrote"
        await asyncio.sleep(0.2)


async def _values(deployment: Deployment, topic: str, key: bytes) -> list[Any]:
    [records] = await deployment.read_full(topic)
    return [record.value for record in records if record.key == key]


def _logs(deployment: Deployment) -> bytes:
    return deployment.logs.encode()


def _in_memory(worker: RunningWorker, canaries: Mapping[str, bytes]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for place, content in in_memory(worker.process_id):
        found |= traces(canaries, {place: content})
    return found
