"""How far a partition goes for who reads it: before the first open transaction, and while ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from config.settings import Settings
from serving.projector.resume import fetched_end
from streams.faust_app import READ_COMMITTED, READ_UNCOMMITTED, open_records, stable_end
from streams.faust_app.private_access import read_positions
from streams.kafka.clients import new_consumer

OURS, THEIRS = TopicPartition("orders", 0), TopicPartition("orders", 1)


@pytest.fixture
async def consumer() -> AsyncIterator[AIOKafkaConsumer]:
    """One that has fetched, without a broker."""
    made = new_consumer(Settings(kafka_bootstrap_servers="127.0.0.1:1"))
    made.assign([OURS])
    yield made
    await made.stop()


def fetched(consumer: AIOKafkaConsumer, end: int | None, high_water: int | None) -> None:
    state = consumer._subscription.subscription.assignment.state_value(OURS)
    state.lso, state.highwater = end, high_water


async def test_it_ends_before_the_first_open_transaction(consumer: AIOKafkaConsumer) -> None:
    assert (stable_end(consumer, OURS), open_records(consumer, OURS)) == (None, 0)
    fetched(consumer, 7, 12)
    assert (stable_end(consumer, OURS), open_records(consumer, OURS)) == (7, 5)


@pytest.mark.parametrize("unknown", [None, -1])
async def test_a_broker_without_transactions_tells_only_the_high_water(
    consumer: AIOKafkaConsumer, unknown: int | None
) -> None:
    fetched(consumer, unknown, 12)
    assert (stable_end(consumer, OURS), open_records(consumer, OURS)) == (12, 0)


async def test_of_a_partition_that_was_given_away_nothing_is_known(
    consumer: AIOKafkaConsumer,
) -> None:
    assert (stable_end(consumer, THEIRS), open_records(consumer, THEIRS)) == (None, 0)
    assert fetched_end(consumer, THEIRS) == 0
    assert read_positions(consumer, [OURS, THEIRS]) == {}
    consumer._subscription.seek(OURS, 4)
    assert read_positions(consumer, [OURS, THEIRS]) == {OURS: 4}


async def test_everything_is_read_committed_unless_somebody_asks_for_more() -> None:
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    made = new_consumer(settings), new_consumer(settings, isolation_level=READ_UNCOMMITTED)
    levels = [one._isolation_level for one in made]
    for one in made:
        await one.stop()
    assert levels == [READ_COMMITTED, READ_UNCOMMITTED]
