"""A former owner that wakes and writes to the changelog, and an owner that is outdated itself."""

from __future__ import annotations

from pathlib import Path

from aiokafka import AIOKafkaProducer

from devtools.servers import Broker
from handlers.state.customer import Customer, pack, unpack
from streams.kafka.topics import changelog_name
from tests.builders import day, order
from tests.harness.deployment import Deployment, Message
from tests.harness.running_worker import RunningWorker


async def test_a_former_owners_late_write_is_written_over(broker: Broker, tmp_path: Path) -> None:
    with Deployment(broker, tmp_path, partitions=1) as deployment:
        worker = await _with_one_customer(deployment)
        theirs = await _newest(deployment, "ana")
        ours = unpack(pack(theirs))
        theirs.epoch -= 1
        theirs.sequence = 0
        await _write(deployment, theirs)
        await deployment.send([Message("orders", order("B1", "20", day(1), "ben"))])
        await deployment.drained()
        assert worker.stop() == 0

        kept = await _newest(deployment, "ana")
        assert (kept.epoch, kept.sequence) == (ours.epoch, ours.sequence)
        assert "records of a former owner are written over" in worker.log


async def test_an_owner_that_is_outdated_ends_and_says_so(broker: Broker, tmp_path: Path) -> None:
    with Deployment(broker, tmp_path, partitions=1) as deployment:
        worker = await _with_one_customer(deployment)
        newer = await _newest(deployment, "ana")
        newer.epoch += 1
        await _write(deployment, newer)
        await deployment.send([Message("orders", order("B1", "20", day(1), "ben"))])

        assert worker.exit_code(within_s=20) == 1
        assert "another worker owns it now" in worker.log


async def _with_one_customer(deployment: Deployment) -> RunningWorker:
    await deployment.create_topics()
    worker = await deployment.ready_worker()
    await deployment.send([Message("orders", order("A1", "120", day(0)))])
    await deployment.drained()
    return worker


async def _newest(deployment: Deployment, customer_id: str) -> Customer:
    """The newest changelog record of a customer, as compaction would leave it."""
    [records] = await deployment.read_full(changelog_name(deployment.settings))
    return unpack([r.value for r in records if r.key == customer_id.encode()][-1])


async def _write(deployment: Deployment, customer: Customer) -> None:
    settings = deployment.settings
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_idempotence=settings.producer_idempotence,
    )
    async with producer:
        key = customer.customer_id.encode()
        await producer.send_and_wait(changelog_name(settings), pack(customer), key, 0)
