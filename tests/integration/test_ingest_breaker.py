"""A bad deploy upstream stops its own partition, and nothing else, until an operator has looked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from devtools.servers import Broker
from scoring.timestamps import rfc3339
from tests.builders import order
from tests.harness.deployment import Deployment, Message
from tests.harness.running_worker import RunningWorker
from tests.integration.audit import audit, source_of

_BOUND = 100
_GOOD = 200
_BAD = 5_000
_STOP_WITHIN_S = 30.0
_STALL_S = 10.0
_LIVE: dict[str, Any] = {"mode": "live", "partitions": 2, "breaker_in_a_row": _BOUND}


def orders(first: int, count: int, partition: int, **fields: Any) -> list[Message]:
    """So many orders for one partition, each of another id, from a few customers."""
    at = rfc3339(time.time_ns() // 1_000_000)
    return [
        Message(
            "orders",
            order(
                f"{partition}-{number}",
                fields.get("amount", "12.50"),
                at,
                f"customer-{partition}-{number % 7}",
                currency=fields.get("currency", "USD"),
            ),
            b"upstream",
            partition,
        )
        for number in range(first, first + count)
    ]


def bad_deploy(first: int, partition: int) -> list[Message]:
    """A comma for the point: only the engine may say that these are bad."""
    return orders(first, _BAD, partition, amount="12,50")


async def until(holds: Callable[[], bool], worker: RunningWorker) -> None:
    """Wait for something that a worker tells of itself."""
    deadline_s = time.monotonic() + _STOP_WITHIN_S
    while not holds():
        worker.must_run()
        assert time.monotonic() < deadline_s, worker.log
        await asyncio.sleep(0.05)


async def committed(deployment: Deployment, partition: int) -> int | None:
    """The position of the group in a partition of orders."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=deployment.settings.kafka_bootstrap_servers,
        group_id=deployment.settings.app_id,
        enable_auto_commit=False,
    )
    async with consumer:
        position: int | None = await consumer.committed(
            TopicPartition(deployment.topic("orders"), partition)
        )
    return position


async def letters(deployment: Deployment) -> list[int]:
    """The source offsets of all dead letters."""
    found = [record for part in await deployment.read("dead-letters") for record in part]
    return sorted(source_of(record).offset for record in found)


def is_stopped(worker: RunningWorker) -> Callable[[], bool]:
    return lambda: worker.value("ingest_stopped", partition="0") == 1


@pytest.mark.slow
async def test_a_bad_deploy_stops_its_partition_and_goes_on_when_let_pass(
    broker: Broker, tmp_path: Path
) -> None:
    with Deployment(broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        good = [*orders(0, _GOOD, 0), *orders(0, _GOOD, 1)]
        await deployment.send([*good, *bad_deploy(_GOOD, 0)])
        await deployment.send(orders(_GOOD + _BAD, _GOOD, 0))
        await until(is_stopped(worker), worker)
        await deployment.send(orders(_GOOD, _GOOD, 1))

        first_stop = _GOOD + _BOUND
        end_of_other = TopicPartition(deployment.topic("orders"), 1)
        await deployment._committed({end_of_other: 2 * _GOOD})
        at_stop = TopicPartition(deployment.topic("orders"), 0)
        await deployment._committed({at_stop: first_stop})
        assert await committed(deployment, 0) == first_stop, "no commit beyond the stop"
        await until(lambda: worker.value("dead_letters_total") == _BOUND, worker)
        assert await letters(deployment) == list(range(_GOOD, first_stop))
        assert worker.probe("readyz") == 200
        assert worker.value("ingest_stops_total", topic=deployment.topic("orders")) == 1
        lag = _BAD - _BOUND + _GOOD
        topic = deployment.topic("orders")
        if broker.kind == "embedded":  # it tells a lower end than there is
            await until(lambda: 0 < worker.value("consumer_lag", topic=topic) <= lag, worker)
        else:
            await until(lambda: worker.value("consumer_lag", topic=topic) == lag, worker)
        (said,) = [line for line in worker.log.splitlines() if "is stopped before" in line]
        for part in (
            f"{deployment.topic('orders')}/0 is stopped before offset {first_stop}",
            f"begin at offset {_GOOD}",
            f"invalid_amount {_BOUND + 1}",
            f"TIERSTREAM_BREAKER_PASS={deployment.topic('orders')}/0@END",
        ):
            assert part in said
        assert worker.stop() == 0

        let_pass = f"orders/0@{_GOOD + _BAD}"
        worker = await deployment.ready_worker(breaker_pass=let_pass)
        await deployment.drained()
        assert await letters(deployment) == list(range(_GOOD, _GOOD + _BAD))
        assert worker.value("ingest_stopped") == 0
        assert worker.stop() == 0
        assert worker.complaints == []
        await audit(deployment)


async def stopped_at(deployment: Deployment, worker: RunningWorker) -> int:
    """Where the worker has stopped partition 0, once that is committed."""
    await until(is_stopped(worker), worker)
    said = [line for line in worker.log.splitlines() if "is stopped before" in line][-1]
    position = int(said.split("before offset ")[1].split(":")[0])
    tp = TopicPartition(deployment.topic("orders"), 0)
    await deployment._committed({tp: position})
    assert await committed(deployment, 0) == position
    return position


@pytest.mark.slow
async def test_a_rebalance_and_a_stop_do_not_wait_for_what_is_stopped(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """Whoever gets the partition begins to count anew; who keeps it does not."""
    with Deployment(kafka_broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        first = await deployment.ready_worker()
        await deployment.send([*orders(0, _GOOD, 0), *bad_deploy(_GOOD, 0)])
        position = await stopped_at(deployment, first)
        assert position == _GOOD + _BOUND

        begun_s = time.monotonic()
        second = await deployment.ready_worker()
        await first.owns(1)
        await second.owns(1)
        assert time.monotonic() - begun_s < _STOP_WITHIN_S
        owner = first if first.value("ingest_stopped") else second
        position = await stopped_at(deployment, owner)
        moves = sum(worker.log.count("is stopped before") for worker in (first, second)) - 1
        assert position == _GOOD + (1 + moves) * _BOUND
        assert await letters(deployment) == list(range(_GOOD, position))

        await deployment.send(orders(0, _GOOD, 1))
        await deployment._committed({TopicPartition(deployment.topic("orders"), 1): _GOOD})
        assert owner.stop() == 0
        (other,) = [worker for worker in (first, second) if worker is not owner]
        await other.owns(2)
        assert other.stop() == 0


@pytest.mark.slow
async def test_a_worker_killed_while_a_partition_is_stopped_goes_on_exactly_there(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(kafka_broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        await deployment.send([*orders(0, _GOOD, 0), *bad_deploy(_GOOD, 0)])
        position = await stopped_at(deployment, worker)
        worker.kill()

        worker = await deployment.ready_worker()
        assert await stopped_at(deployment, worker) == position + _BOUND
        worker.kill()

        end = _GOOD + _BAD
        worker = await deployment.ready_worker(breaker_pass=f"orders/0@{end}")
        await deployment.send(orders(end, _GOOD, 0))
        await deployment.drained()
        # Who is killed before a checkpoint leaves letters that the next one writes again.
        assert sorted(set(await letters(deployment))) == list(range(_GOOD, end))
        assert worker.stop() == 0
        await audit(deployment)


@pytest.mark.slow
async def test_in_replay_mode_the_other_inputs_go_on_by_themselves(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    """They are merged by time, and would wait for a partition that is only slow.

    Nor does the watchdog take the partition for one that has stalled.
    """
    replay = _LIVE | {"mode": "replay", "stall_timeout": f"{_STALL_S:.0f}s"}
    with Deployment(embedded_broker, tmp_path, **replay) as deployment:
        await deployment.create_topics()
        await deployment.send([*orders(0, _GOOD, 0), *bad_deploy(_GOOD, 0), *orders(0, _BAD, 1)])
        worker = await deployment.ready_worker()
        await until(is_stopped(worker), worker)
        await deployment._committed({TopicPartition(deployment.topic("orders"), 1): _BAD})
        assert await committed(deployment, 0) == _GOOD + _BOUND
        patience_ends_s = time.monotonic() + _STALL_S + 3.0
        await until(lambda: time.monotonic() > patience_ends_s, worker)
        assert worker.stop() == 0

        worker = await deployment.ready_worker(breaker_in_a_row=0, breaker_share=0)
        await deployment.drained()
        assert await letters(deployment) == list(range(_GOOD, _GOOD + _BAD))
        assert worker.stop() == 0
        await audit(deployment)


async def test_a_pass_for_no_input_ends_the_start_with_one_sentence(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(embedded_broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        ended = deployment.run("worker", breaker_pass="order/0@5")
        assert ended.returncode == 1
        said = "TIERSTREAM_BREAKER_PASS=order/0@5: order is no input topic, they are orders, "
        assert said in ended.stderr.splitlines()[-1]
