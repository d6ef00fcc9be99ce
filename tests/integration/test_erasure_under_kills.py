"""Workers that are killed at every step of an erasure: who was erased is found nowhere after."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from scoring.timestamps import rfc3339
from streams.local import Broker, RedisServer
from tests.builders import erased, order
from tests.fault.controls import POINTS, Controls
from tests.integration.audit import audit
from tests.integration.canaries import Person
from tests.integration.canary_search import in_files, kept_of_customers, traces
from tests.integration.compaction import compacted
from tests.integration.deployment import Deployment, Message
from tests.integration.erasing import PROJECTOR, erasing, live
from tests.integration.running_worker import RunningWorker

_WORKER = (sys.executable, "-m", "tests.fault.launcher", "worker")
_AT_A_START = ("after_claim", "amid_restore")
_DIES_WITHIN_S = 30.0


@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_a_worker_killed_at_any_step_of_an_erasure_leaves_nothing_of_the_person(
    kafka_broker: Broker, redis_server: RedisServer, tmp_path: Path
) -> None:
    people = {point: Person() for point in POINTS}
    controls = Controls(tmp_path / "controls")
    # Without ticks nothing comes to a point but what belongs to the erasure.
    settings = {"mode": "replay", "flush_interval": "300ms"}
    with erasing(kafka_broker, redis_server, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        worker = await _started(deployment, controls)
        await deployment.ready_worker(program=PROJECTOR)
        await live(deployment, people.values())
        before = await kept_of_customers(deployment, redis_server)
        for person in people.values():
            assert {name for name, _ in traces(person.kept, before)} == person.kept.keys()

        for point, person in people.items():
            await _die(deployment, worker, controls, point, person)
            worker = await _started(deployment, controls)
        await deployment.drained()
        assert worker.stop() == 0
        await audit(deployment)

        worker = await _started(deployment, controls)
        canaries = {
            f"{name} of {point}": canary
            for point, person in people.items()
            for name, canary in person.canaries.items()
        }
        await compacted(deployment, kafka_broker, canaries)
        after = await kept_of_customers(deployment, redis_server)
        assert traces(canaries, {**after, **in_files(deployment, kafka_broker)}) == set()
        assert worker.stop() == 0


async def _started(deployment: Deployment, controls: Controls) -> RunningWorker:
    worker = deployment.start_worker(_WORKER, test_controls=controls.file)
    await worker.ready()
    return worker


async def _die(
    deployment: Deployment, worker: RunningWorker, controls: Controls, point: str, person: Person
) -> None:
    """Erase somebody and have the worker killed at a point of that.

    Somebody new comes at the same time, so that the flush has outputs too.
    """
    if point in _AT_A_START:
        worker.kill()
    controls.arm(point, signal.SIGKILL)
    at = rfc3339(time.time_ns() // 1_000_000)
    await deployment.send(
        [
            Message("orders", order(f"new {point}", "20", at, f"new {point}")),
            Message("profiles", erased(at, person.customer_id)),
        ]
    )
    if point in _AT_A_START:
        worker = deployment.start_worker(_WORKER, test_controls=controls.file)
    assert worker.exit_code(_DIES_WITHIN_S) == -signal.SIGKILL, point
    assert not controls.is_armed
