"""A worker with nothing to do: it becomes ready, writes nothing, and stops when asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from devtools.servers import Broker
from streams.kafka.topics import CUSTOMER_EVENTS, OUTPUTS
from tests.harness.deployment import Deployment


@pytest.mark.slow
async def test_a_worker_on_empty_topics_is_ready_and_stops_cleanly(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(embedded_broker, tmp_path) as deployment:
        await deployment.create_topics()
        worker = deployment.start_worker()
        seen = [worker.probe("readyz")]
        while seen[-1] != 200:
            worker.must_run()
            await asyncio.sleep(0.05)
            seen.append(worker.probe("readyz"))
            if seen[-1] is not None:
                assert worker.probe("livez") == 200, "it lives before it is ready"
        assert 503 in seen, "it answers before it is ready"
        await worker.owns(3)
        assert worker.stop() == 0
        assert worker.complaints == []

        for topic in (*OUTPUTS, "customer-profiles", "dead-letters"):
            assert await deployment.read(topic) == [[], [], []]
        log = await deployment.read(CUSTOMER_EVENTS)
        assert [len(records) for records in log] == [1, 1, 1], "the policy, and no ticks in replay"


@pytest.mark.parametrize("after_s", [0.6, 2.0])
@pytest.mark.slow
async def test_a_worker_stops_cleanly_while_it_starts(
    embedded_broker: Broker, tmp_path: Path, after_s: float
) -> None:
    with Deployment(embedded_broker, tmp_path) as deployment:
        await deployment.create_topics()
        worker = deployment.start_worker()
        while worker.probe("livez") is None:
            worker.must_run()
            await asyncio.sleep(0.02)
        await asyncio.sleep(after_s)
        assert worker.probe("readyz") == 503
        assert worker.stop() == 0
        assert worker.complaints == []
