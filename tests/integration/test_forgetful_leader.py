"""A leader of the group that knows no topics shares out none, and must look again by itself."""

from __future__ import annotations

import sys
from pathlib import Path

from devtools.servers import Broker
from tests.builders import day, order
from tests.harness.deployment import Deployment, Message
from tests.integration.audit import audit

_FORGETFUL = (sys.executable, "-m", "tests.harness.apps.forgetful_worker")


async def test_partitions_that_nobody_was_given_are_shared_out_within_seconds(
    broker: Broker, tmp_path: Path
) -> None:
    with Deployment(broker, tmp_path, partitions=2, mode="replay") as deployment:
        await deployment.create_topics()
        worker = deployment.start_worker(_FORGETFUL)
        await deployment.send(
            [Message("orders", order(f"o{n}", "20", day(n), f"c{n}")) for n in range(10)]
        )
        await deployment.drained()
        assert "Ignoring missing topic" in worker.log
        assert worker.stop() == 0
        await audit(deployment)
