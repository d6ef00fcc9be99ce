"""Workers that are killed at every step of an erasure: who was erased is found nowhere after."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from devtools.servers import Broker, start_redis
from scoring.timestamps import rfc3339
from tests.builders import erased, merged, order
from tests.harness.controls import POINTS, Controls
from tests.harness.deployment import Deployment, Message
from tests.harness.running_worker import RunningWorker
from tests.integration.audit import audit
from tests.integration.canaries import Person
from tests.integration.canary_search import in_files, kept_of_customers, traces
from tests.integration.compaction import compacted
from tests.integration.erasing import PROJECTOR, erasing, live

_WORKER = (sys.executable, "-m", "tests.harness.launcher", "worker")
_AT_A_START = ("after_claim", "amid_restore")
_ONLY_OVER_MERGES = ("before_forwarding", "amid_forwarding", "after_forwarding", "after_marker")
"""Points to which an erasure comes only by an id that was merged."""
_DIES_WITHIN_S = 30.0


class Case(NamedTuple):
    """One erasure in which a worker dies.

    Attributes:
        point: where it dies.
        person: who is erased.
        former: another id of the person, merged before, by which the erasure is asked for; it then
            goes on through the log to the surviving id.
    """

    point: str
    person: Person
    former: Person | None = None

    @property
    def name(self) -> str:
        return self.point if self.former is None else f"{self.point}, merged"

    @property
    def asked_for(self) -> str:
        return (self.former or self.person).customer_id

    @property
    def people(self) -> list[Person]:
        return [self.person] if self.former is None else [self.person, self.former]


def all_cases() -> list[Case]:
    over_merges = ("after_outputs", "after_meta", *_ONLY_OVER_MERGES)
    plain = (point for point in POINTS if point not in _ONLY_OVER_MERGES)
    return [
        *(Case(point, Person()) for point in plain),
        *(Case(point, Person(), Person()) for point in over_merges),
    ]


@pytest.mark.kafka
@pytest.mark.timeout(400)
async def test_a_worker_killed_at_any_step_of_an_erasure_leaves_nothing_of_the_person(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    cases = all_cases()
    people = [person for case in cases for person in case.people]
    controls = Controls(tmp_path / "controls")
    # Without ticks nothing comes to a point but what belongs to the erasure.
    settings = {"mode": "replay", "flush_interval": "300ms"}
    # All of Redis is searched, so nobody else may write there.
    with (
        start_redis(own=True) as redis,
        erasing(kafka_broker, redis, tmp_path, **settings) as deployment,
    ):
        await deployment.create_topics()
        worker = await _started(deployment, controls)
        await deployment.ready_worker(program=PROJECTOR)
        await live(deployment, people)
        before = await kept_of_customers(deployment, redis)
        for person in people:
            assert {name for name, _ in traces(person.kept, before)} == person.kept.keys()
        await deployment.send(_merges(cases))
        await deployment.drained()

        for case in cases:
            await _die(deployment, worker, controls, case)
            worker = await _started(deployment, controls)
        await deployment.drained()
        assert worker.stop() == 0
        await audit(deployment)

        worker = await _started(deployment, controls)
        canaries = {
            f"{name} of {case.name}": canary
            for case in cases
            for person in case.people
            for name, canary in person.canaries.items()
        }
        await compacted(deployment, kafka_broker, canaries)
        after = await kept_of_customers(deployment, redis)
        assert traces(canaries, {**after, **in_files(deployment, kafka_broker)}) == set()
        assert worker.stop() == 0


def _merges(cases: list[Case]) -> list[Message]:
    at = rfc3339(time.time_ns() // 1_000_000)
    return [
        Message("profiles", merged(case.person.customer_id, at, case.former.customer_id))
        for case in cases
        if case.former is not None
    ]


async def _started(deployment: Deployment, controls: Controls) -> RunningWorker:
    worker = deployment.start_worker(_WORKER, test_controls=controls.file)
    await worker.ready()
    return worker


async def _die(
    deployment: Deployment, worker: RunningWorker, controls: Controls, case: Case
) -> None:
    """Erase somebody and have the worker killed at a point of that.

    Somebody new comes at the same time, so that the flush has outputs too.
    """
    if case.point in _AT_A_START:
        worker.kill()
    controls.arm(case.point, signal.SIGKILL)
    at = rfc3339(time.time_ns() // 1_000_000)
    newcomer = f"new {case.name}"
    await deployment.send(
        [
            Message("orders", order(newcomer, "20", at, newcomer)),
            Message("profiles", erased(at, case.asked_for)),
        ]
    )
    if case.point in _AT_A_START:
        worker = deployment.start_worker(_WORKER, test_controls=controls.file)
    assert worker.exit_code(_DIES_WITHIN_S) == -signal.SIGKILL, case.name
    assert not controls.is_armed
