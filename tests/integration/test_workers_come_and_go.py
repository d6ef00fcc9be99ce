"""Workers that join, leave and die while traffic flows: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest

from devtools.servers import Broker
from tests.harness.deployment import Deployment
from tests.harness.flow import Flow
from tests.integration.audit import audit
from tests.support.histories import random_policy


def on(embedded: str, kafka: str) -> pytest.MarkDecorator:
    """One mode on each kind of broker."""
    return pytest.mark.parametrize(
        ("broker", "mode"),
        [("embedded", embedded), pytest.param("kafka", kafka, marks=pytest.mark.kafka)],
        indirect=["broker"],
    )


def settings_of(mode: str, seed: int) -> dict[str, Any]:
    """Where the mode is live, the flow writes the ticks, and no worker in its short life."""
    return {"mode": mode, "tick_interval": "1m", "policy": random_policy(Random(seed))}


@on(embedded="live", kafka="replay")
@pytest.mark.slow
async def test_partitions_move_in_mid_stream_without_loss_or_repetition(
    broker: Broker, tmp_path: Path, mode: str
) -> None:
    settings = settings_of(mode, seed=11) | {"rebalance_timeout": "3s"}
    with Deployment(broker, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        first = await deployment.ready_worker()
        async with Flow(deployment, seed=11) as flow:
            second = await deployment.ready_worker()
            await second.owns(1, 2)
            await first.owns(1, 2)
            await asyncio.sleep(0.5)
            assert first.stop() == 0
            await second.owns(3)
            await asyncio.sleep(0.5)
        await deployment.drained()
        assert second.stop() == 0
        assert first.complaints + second.complaints == []

        found = await audit(deployment)
        assert flow.sent > 500
        assert found.outputs > 100
        assert (found.repeated, found.redelivered) == (0, 0)


@on(embedded="replay", kafka="live")
@pytest.mark.slow
async def test_killed_workers_lose_nothing_and_repeat_only_what_a_consumer_drops(
    broker: Broker, tmp_path: Path, mode: str
) -> None:
    random = Random(12)
    with Deployment(broker, tmp_path, **settings_of(mode, seed=12)) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        async with Flow(deployment, seed=12) as flow:
            for _ in range(2):
                await asyncio.sleep(random.uniform(0.5, 1.5))
                worker.kill()
                assert await deployment.behind() > 0, "it was killed in mid-stream"
                assert worker.complaints == []
                worker = await deployment.ready_worker()
        await deployment.drained()
        assert worker.stop() == 0
        assert worker.complaints == []

        found = await audit(deployment)
        assert flow.sent > 500
        assert found.outputs > 100
