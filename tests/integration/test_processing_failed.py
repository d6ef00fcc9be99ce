"""Faults in the worker's own handlers stop nobody, and the log gives the same dead letters."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from aiokafka import ConsumerRecord

from devtools.servers import Broker
from handlers.reasons import PROCESSING_FAILED
from streams.kafka.topics import DEAD_LETTERS, OUTPUTS
from tests.harness.deployment import Deployment
from tests.harness.flow import Router
from tests.integration.audit import consume
from tests.integration.truth import backtested
from tests.support.histories import History, random_policy
from tests.support.poison import poison_everywhere

PLACES = ("event:OrderPlaced", "event:Browsed", "event:plan", "due:reach_levels", "due:evaluate")
_POISONED = (sys.executable, "-m", "tests.harness.apps.poisoned_worker", ",".join(PLACES))


@pytest.mark.kafka
async def test_faults_through_restarts_give_the_letters_of_the_dump(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    policy = random_policy(Random(3), windows_days=(30,))
    with Deployment(
        kafka_broker, tmp_path, policy=policy, processing_failed_per_minute=0
    ) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker(_POISONED)
        history = History(Random(4), customers=20, days=60)
        await deployment.send(Router().messages(history.lines(300)))
        await deployment.drained()
        worker.kill()
        worker = await deployment.ready_worker(_POISONED)
        await deployment.send(Router().messages(history.lines(200)))
        await deployment.drained()
        assert worker.value("processing_failed_total", kind="record") > 0
        assert worker.value("dead_letters_total", reason=PROCESSING_FAILED) > 0
        assert worker.stop() == 0
        assert "raised Poisoned in handlers" in worker.log
        assert "Traceback" in worker.log

        written = await deployment.read(DEAD_LETTERS)
        found = {topic: await deployment.read(topic) for topic in OUTPUTS}
        due = 0
        for number in range(deployment.settings.partitions):
            lines, _ = await deployment.dump(number)
            with poison_everywhere(*PLACES):
                truth = backtested(deployment, lines)
            letters = _failed(written[number])
            due += sum(event_id is None for _, event_id in letters)
            assert letters == [one for one in truth.dead_letters if one[0] == PROCESSING_FAILED]
            for topic in OUTPUTS:
                assert consume(found[topic][number]) == truth.outputs[topic]
        assert due > 0

        few = deployment.start_worker(_POISONED, processing_failed_per_minute=2)
        await deployment.send(Router().messages(history.lines(200)))
        assert few.exit_code(within_s=60) == 1
        assert "worker stopped by TooManyFailures: 3 faults in handlers within a minute" in few.log


def _failed(records: list[ConsumerRecord]) -> list[tuple[str, str | None]]:
    """Reason and event id of what raised, each letter once, in the order of their first writing."""
    first: dict[tuple[object, ...], dict[str, bytes]] = {}
    for record in records:
        headers = dict(record.headers)
        first.setdefault((record.key, *record.headers), headers)
    return [
        (headers["reason"].decode(), None if "event-id" not in headers else _text(headers))
        for headers in first.values()
        if headers["reason"] == PROCESSING_FAILED.encode()
    ]


def _text(headers: dict[str, bytes]) -> str:
    return headers["event-id"].decode()
