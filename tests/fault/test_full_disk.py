"""The disk under Kafka's data runs full while workers write."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from devtools.servers import start_redis
from tests.fault.rig import Rig
from tests.fault.rounds import run_and_judge, started
from tests.fault.schedule import Fault, Shape
from tests.harness.small_disk import NoSmallDisk, SmallDisk

_REPLAY = ".venv/bin/python -m pytest tests/fault/test_full_disk.py"
_SIZE_MIB = 192
_SHAPE = Shape(workers=2)
_PLAN = (
    Fault(0.0, "disk_full", "disk", 5.0),
    Fault(8.0, "kill_at", "worker-0", 0.0, "after_outputs"),
    Fault(16.0, "disk_full", "disk", 3.0),
)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_full_disk_under_the_state_loses_nothing(tmp_path: Path) -> None:
    data, folder = tmp_path / "disk", tmp_path / "episode"
    data.mkdir()
    folder.mkdir()
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(SmallDisk(data, _SIZE_MIB))
        except NoSmallDisk as reason:
            pytest.skip(str(reason))
        cluster = stack.enter_context(started(1, {"log.dirs": str(data / "data-0")}))
        cluster.disk = disk
        redis_server = stack.enter_context(start_redis(own=True))
        rig = Rig(cluster, redis_server, 1, _SHAPE, folder)
        await run_and_judge(rig, _PLAN, _REPLAY)
