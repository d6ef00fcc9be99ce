"""A worker whose partitions went to another one ends, and writes nothing more before it does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from devtools.servers import Broker, start_broker
from handlers.state.customer import unpack_head
from handlers.state.partition_state import unpack_meta
from streams.kafka.headers import META_KEY
from streams.kafka.topics import changelog_name
from tests.builders import day, order
from tests.harness.deployment import Deployment, Message
from tests.harness.flow import Flow
from tests.integration.audit import audit

# The group takes no less than six; a worker is frozen for longer.
SESSION_S = 6


@pytest.mark.kafka
async def test_a_worker_that_was_frozen_ends_with_a_sentence_and_writes_nothing_more(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "mode": "live",
        "rebalance_timeout": "6s",
        "session_timeout": f"{SESSION_S}s",
    }
    with Deployment(kafka_broker, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        first = await deployment.ready_worker()
        second = await deployment.ready_worker()
        await first.owns(1, 2)
        async with Flow(deployment, seed=3):
            await asyncio.sleep(0.5)
            first.freeze()
            await second.owns(3)
            await asyncio.sleep(0.5)
            first.thaw()
            assert first.exit_code(within_s=10) == 1
        [reason] = [line for line in first.log.splitlines() if "worker stopped by" in line]
        assert "AssignmentLost: the consumer group" in reason
        assert "has thrown out this worker" in reason
        await deployment.drained()
        assert second.stop() == 0

        for records in await deployment.read_full(changelog_name(deployment.settings)):
            epochs = [_epoch_of(record) for record in records]
            assert epochs == sorted(epochs), "the former owner wrote after the new one"
        await audit(deployment)


@pytest.mark.kafka
async def test_a_short_freeze_does_no_harm(kafka_broker: Broker, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"mode": "live", "rebalance_timeout": "6s", "session_timeout": "10s"}
    with Deployment(kafka_broker, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        async with Flow(deployment, seed=4):
            await asyncio.sleep(0.5)
            worker.freeze()
            await asyncio.sleep(4)
            worker.thaw()
            await asyncio.sleep(0.5)
        await deployment.drained()
        assert worker.stop() == 0
        await audit(deployment)


@pytest.mark.kafka
async def test_a_storm_of_joins_and_leaves_is_no_loss(kafka_broker: Broker, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"rebalance_timeout": "20s", "session_timeout": "20s"}
    with Deployment(kafka_broker, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        first = await deployment.ready_worker()
        codes = []
        async with Flow(deployment, seed=5):
            for _ in range(3):
                guests = [deployment.start_worker(), deployment.start_worker()]
                for guest in guests:
                    await guest.ready()
                    codes.append(guest.stop())
            await first.owns(3)
        await deployment.drained()
        assert [*codes, first.stop()] == [0] * 7
        found = await audit(deployment)
        assert (found.repeated, found.redelivered) == (0, 0)


@pytest.mark.kafka
async def test_a_broker_that_comes_back_in_time_is_no_loss(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"rebalance_timeout": "30s", "session_timeout": "30s"}
    with start_broker("kafka") as own, Deployment(own, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        await deployment.send([Message("orders", order("A1", "12", day(0)))])
        await deployment.drained()
        own.kill()
        own.start()
        await deployment.send([Message("orders", order("A2", "12", day(0)))])
        await deployment.drained()
        assert worker.stop() == 0
        await audit(deployment)


def _epoch_of(record: ConsumerRecord) -> int:
    if record.key == META_KEY:
        return unpack_meta(record.value).epoch
    return unpack_head(record.value).epoch
