"""Episodes of faults on Apache Kafka, each judged: nothing lost, nothing counted twice.

`make soak FAULTS=200 SEED=7` runs as many episodes as it takes for so many faults, from that seed
on; a verdict that is not clean names the line that replays its episode.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devtools.servers import RedisServer, start_redis
from tests.fault.rig import Rig
from tests.fault.rounds import brokers_there_is_room_for, run_and_judge, started
from tests.fault.schedule import Shape, schedule
from tests.harness.cluster import Cluster

_log = logging.getLogger(__name__)

_HERE = "tests/fault/test_faults.py"
IN_CI = Shape()
_IN_SOAK = Shape(workers=4, brokers=3, gap_s=9.0, patient=True)
# Together these episodes have every kind of fault, and a death at each point of a merge and of an
# erasure, which `test_schedule` sees to.
CI_SEEDS = (263, 518, 1378)


@pytest.fixture(autouse=True)
def quiet_clients() -> Iterator[None]:
    """The rig's own clients complain of each broker that is away, as they must."""
    log = logging.getLogger("aiokafka")
    level = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(level)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", CI_SEEDS)
async def test_nothing_is_lost_and_nothing_counts_twice(
    cluster: Cluster, redis_server: RedisServer, seed: int, tmp_path: Path
) -> None:
    name = "test_nothing_is_lost_and_nothing_counts_twice"
    replay = f'.venv/bin/python -m pytest "{_HERE}::{name}[{seed}]"'
    rig = Rig(cluster, redis_server, seed, IN_CI, tmp_path)
    await run_and_judge(rig, schedule(seed, IN_CI), replay)


@pytest.mark.soak
async def test_soak(tmp_path: Path) -> None:
    faults, first = int(os.environ.get("FAULTS", "200")), int(os.environ.get("SEED", "1"))
    brokers = int(os.environ.get("BROKERS", "0")) or brokers_there_is_room_for()
    failures: list[str] = []
    with started(brokers) as cluster, start_redis(own=True) as redis_server:
        for number, done in enumerate(range(0, faults, _IN_SOAK.faults)):
            shape = replace(_IN_SOAK, brokers=brokers, faults=min(_IN_SOAK.faults, faults - done))
            seed = first + number
            folder = tmp_path / f"seed-{seed}"
            folder.mkdir()
            replay = (
                f"BROKERS={brokers} make soak FAULTS={shape.faults} SEED={seed} PYTEST_ARGS={_HERE}"
            )
            rig = Rig(cluster, redis_server, seed, shape, folder)
            try:
                await run_and_judge(rig, schedule(seed, shape), replay)
            except AssertionError as failure:  # the others may fail for another reason
                _log.error("%s", failure)
                failures.append(f"seed {seed}: {failure}")
            _log.info("%s of %s faults are done", done + shape.faults, faults)
    assert not failures, "\n\n".join(failures)
