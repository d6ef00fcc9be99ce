"""In which format a policy is written to the log, and who is not let in by a newer one."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from typer.testing import CliRunner

from cli.main import app
from config.settings import Settings
from handlers.control_records import PolicyActivated, decode_control
from handlers.state.customer import new_customer, pack
from handlers.state.formats import FIRST, NEWEST, RULES
from handlers.state.partition_state import Meta, pack_meta
from scoring.policy import Policy
from streams.kafka.clients import new_consumer, new_producer
from streams.kafka.headers import META_KEY
from streams.kafka.read import read_to_end
from streams.kafka.topics import CUSTOMER_EVENTS, changelog_name, topic_name
from streams.policy_log import activation, ensure_policy, publish_policy


async def written(settings: Settings, topic: str, number: int) -> list[bytes]:
    """The values in a partition."""
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        tp = TopicPartition(topic, number)
        return [one.value async for found, _ in read_to_end(consumer, tp) for one in found]
    finally:
        await consumer.stop()


async def policies(settings: Settings, number: int) -> list[PolicyActivated]:
    """The policies in a partition of the log."""
    values = await written(settings, topic_name(settings, CUSTOMER_EVENTS), number)
    found = [decode_control(value) for value in values]
    return [record for record in found if isinstance(record, PolicyActivated)]


async def write(settings: Settings, topic: str, key: bytes | None, value: bytes) -> None:
    """A record in partition 0."""
    producer = new_producer(settings, "test")
    await producer.start()
    try:
        producer.add(topic, 0, key, value)
        await producer.flush()
    finally:
        await producer.stop()


@pytest.mark.parametrize(("wanted", "number"), [(None, NEWEST), (FIRST, FIRST)])
async def test_a_new_deployment_has_the_newest_format_or_that_of_the_settings(
    settings_of_environment: Settings, wanted: int | None, number: int
) -> None:
    settings = settings_of_environment.model_copy(update={"state_format": wanted})
    assert await ensure_policy(settings, Policy()) == [0, 1]
    [first] = await policies(settings, 1)
    assert (first.format, first.rules) == (number, 0 if number == FIRST else RULES)
    assert await ensure_policy(settings, Policy()) == []


@pytest.mark.parametrize("in_log", [FIRST, NEWEST])
@pytest.mark.parametrize("in_state", [None, FIRST, NEWEST])
async def test_a_partition_without_a_policy_gets_the_format_of_those_beside_it(
    settings_of_environment: Settings, in_log: int, in_state: int | None
) -> None:
    """Also while another worker, which has written no state yet, is just writing the policies."""
    settings = settings_of_environment
    log = topic_name(settings, CUSTOMER_EVENTS)
    await write(settings, log, None, activation(settings, Policy(), number=in_log))
    if in_state is not None:
        meta = Meta(policy=Policy(), format=in_state)
        await write(settings, changelog_name(settings), META_KEY, pack_meta(meta))
    assert await ensure_policy(settings, Policy()) == [1]
    [first] = await policies(settings, 1)
    assert first.format == (in_log if in_state is None else in_state)


async def test_a_policy_that_is_published_keeps_the_format(
    settings_of_environment: Settings,
) -> None:
    settings = settings_of_environment
    await publish_policy(settings, Policy(), None)
    await publish_policy(settings, Policy(), None)  # no worker has written a state yet
    for number in (FIRST, NEWEST):
        await publish_policy(settings, Policy(), Meta(policy=Policy(), format=number))
    told = [(one.format, one.rules) for one in await policies(settings, 0)]
    assert told == [(NEWEST, RULES), (NEWEST, RULES), (FIRST, 0), (NEWEST, RULES)]


def test_a_worker_does_not_join_where_a_newer_release_has_written(
    settings_of_environment: Settings,
) -> None:
    settings = settings_of_environment
    changelog = changelog_name(settings)
    newer = bytes((NEWEST + 1,)) + pack(new_customer("ana"), FIRST)
    asyncio.run(write(settings, changelog, b"ana", newer))
    result = CliRunner().invoke(app, ["worker"])
    assert result.exit_code == 1
    assert result.stderr == (
        f"tierstream: {changelog}/0@0, of b'ana', has format {NEWEST + 1}, and this release reads "
        f"formats up to {NEWEST}; go on with the newer release\n"
    )
    assert asyncio.run(policies(settings, 0)) == [], "nothing is written"
