"""A worker whose clock is not that of the brokers ends before it does harm that stays."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from devtools.servers import Broker
from handlers.control_records import ClockTick, decode_control
from streams.kafka.clock_probe import ClockProbe
from streams.kafka.topics import CLOCK_PROBE, TopicsUnusable, create_topics
from tests.harness.deployment import Deployment, Message
from tests.harness.running_worker import RunningWorker
from tests.harness.wrong_clock import WrongClock

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
_ENDS_WITHIN_S = 90.0
_MAX_ERROR_MS = 30_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def order(number: int) -> Message:
    """An order of just now, by the right clock."""
    event = {
        "type": "order.placed",
        "event_id": f"e{number}",
        "customer_id": f"c{number}",
        "occurred_at": now_ms(),
        "order_id": f"o{number}",
        "amount": "10.00",
        "currency": "USD",
    }
    return Message("orders", json.dumps(event).encode(), b"k%d" % number)


def assert_said_why(said: str, direction: str) -> None:
    assert "the clock of this machine says" in said
    assert f"s {direction} that of Kafka, which says" in said
    assert "TIERSTREAM_MAX_CLOCK_ERROR=30s" in said


def assert_stopped(worker: RunningWorker, direction: str) -> None:
    assert worker.exit_code(_ENDS_WITHIN_S) == 1
    [said] = [line for line in worker.log.splitlines() if "worker stopped by" in line]
    assert "WrongClock: " in said
    assert_said_why(said, direction)


async def in_log(deployment: Deployment) -> tuple[list[int], int]:
    """The times of all ticks, and how many events there are."""
    ticks, events = [], 0
    for records in await deployment.read("customer-events"):
        for record in records:
            if record.key is not None:
                events += 1
            elif isinstance(control := decode_control(record.value), ClockTick):
                ticks.append(control.at)
    return ticks, events


async def letters(deployment: Deployment) -> int:
    return sum(map(len, await deployment.read("dead-letters")))


@pytest.mark.kafka
async def test_nothing_is_written_by_a_wrong_clock_and_a_right_one_goes_on(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    clocks = [WrongClock(tmp_path / f"clock-{number}") for number in range(3)]
    fast, slow, drifting = clocks
    patient: dict[str, Any] = {"session_timeout": "20s", "rebalance_timeout": "30s"}
    with Deployment(kafka_broker, tmp_path, mode="live", **patient) as deployment:
        await deployment.create_topics()

        def start(clock: WrongClock) -> RunningWorker:
            return deployment.start_worker(variables=clock.variables)

        # Wrong from the beginning.
        fast.set_off(50 * MINUTE_S)
        slow.set_off(-10 * MINUTE_S)
        await deployment.send([order(number) for number in range(3)])
        for worker, direction in [(start(fast), "ahead of"), (start(slow), "behind")]:
            assert worker.exit_code(_ENDS_WITHIN_S) == 1
            assert worker.log.startswith("tierstream: ")
            assert len(worker.log.splitlines()) == 1
            assert_said_why(worker.log, direction)
        assert await in_log(deployment) == ([], 0)

        # Set while it runs: by hours, back, and bit by bit.
        for clock in clocks:
            clock.set_off(0)
        workers = [start(clock) for clock in clocks]
        for worker in workers:
            await worker.ready()
            await worker.owns(1)
        fast.set_off(3 * HOUR_S)
        slow.set_off(-10 * MINUTE_S)
        for seconds in range(40):  # in steps that are each too small to be wrong
            drifting.set_off(seconds)
            await asyncio.sleep(0.05)
        await deployment.send([order(number) for number in range(3, 30)])
        for worker, direction in zip(workers, ("ahead of", "behind", "ahead of"), strict=True):
            assert_stopped(worker, direction)
        assert await letters(deployment) == 0

        # Right again.
        right = await deployment.ready_worker()
        await deployment.drained()
        assert abs(right.value("clock_error_seconds")) < _MAX_ERROR_MS / 1000
        ticks, events = await in_log(deployment)
        assert events == 30
        assert ticks
        assert max(ticks) < now_ms() + _MAX_ERROR_MS
        assert await letters(deployment) == 0
        assert right.stop() == 0


async def told(probe: ClockProbe) -> None:
    """Wait until a broker tells its time."""
    deadline_s = time.monotonic() + _ENDS_WITHIN_S
    while not await probe.ask():
        assert time.monotonic() < deadline_s


async def never(probe: ClockProbe) -> None:
    """Ask until it fails."""
    deadline_s = time.monotonic() + _ENDS_WITHIN_S
    while time.monotonic() < deadline_s:
        await probe.ask()


@pytest.mark.kafka
async def test_brokers_tell_their_time_by_a_topic_that_must_be_right(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(kafka_broker, tmp_path, partitions=1) as deployment:
        settings, topic = deployment.settings, deployment.topic(CLOCK_PROBE)
        await deployment.create_topics()
        probe = ClockProbe(settings)
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
        await asyncio.gather(probe.start(), admin.start())
        try:
            before_ms = now_ms()
            [reading] = await probe.ask() or []
            assert before_ms <= reading.written_ms <= now_ms()
            assert reading.surely_ahead_ms == 0

            # Nothing is lost with the topic, so it may be made anew.
            await admin.delete_topics([topic])
            await create_topics(settings)
            await told(probe)

            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={})])
            with pytest.raises(TopicsUnusable, match=r"must have message\.timestamp\.type"):
                await never(probe)
        finally:
            await asyncio.gather(probe.stop(), admin.close())
        refused = deployment.start_worker()
        assert refused.exit_code(_ENDS_WITHIN_S) == 1
        assert refused.log.startswith(f"tierstream: topic {topic} must have")
        assert len(refused.log.splitlines()) == 1
