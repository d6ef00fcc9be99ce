"""Episodes of faults on Apache Kafka, each judged: nothing lost, nothing counted twice.

`make soak FAULTS=200 SEED=7` runs as many episodes as it takes for so many faults, from that seed
on; a verdict that is not clean names the line that replays its episode.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from streams.local import BrokerUnavailable, RedisServer, start_redis
from tests.fault.cluster import Cluster
from tests.fault.deployment import LANES, Deployment
from tests.fault.episode import Episode
from tests.fault.judge import judge
from tests.fault.schedule import Shape, schedule
from tests.integration.conftest import skip_without_java

_log = logging.getLogger(__name__)

_HERE = "tests/fault/test_faults.py"
IN_CI = Shape()
_IN_SOAK = Shape(workers=4, brokers=3, gap_s=9.0, patient=True)
_THREE_BROKERS_KIB = 8 * 1024 * 1024
# Together these episodes have every kind of fault, which `test_schedule` sees to.
CI_SEEDS = (83, 84, 85)


@pytest.fixture(autouse=True)
def quiet_clients() -> Iterator[None]:
    """The rig's own clients complain of each broker that is away, as they must."""
    log = logging.getLogger("aiokafka")
    level = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(level)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Apache Kafka of one node behind proxies, for all episodes here."""
    with _started(1) as running:
        yield running


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """A Redis to kill."""
    with start_redis(own=True) as running:
        yield running


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", CI_SEEDS)
async def test_nothing_is_lost_and_nothing_counts_twice(
    cluster: Cluster, redis_server: RedisServer, seed: int, tmp_path: Path
) -> None:
    name = "test_nothing_is_lost_and_nothing_counts_twice"
    replay = f'.venv/bin/python -m pytest "{_HERE}::{name}[{seed}]"'
    await _run(Deployment(cluster, redis_server, seed, IN_CI, tmp_path), IN_CI, replay)


@pytest.mark.soak
async def test_soak(tmp_path: Path) -> None:
    faults, first = int(os.environ.get("FAULTS", "200")), int(os.environ.get("SEED", "1"))
    brokers = int(os.environ.get("BROKERS", "0")) or (3 if _has_memory() else 1)
    with _started(brokers) as cluster, start_redis(own=True) as redis_server:
        done, seed = 0, first
        while done < faults:
            shape = replace(_IN_SOAK, brokers=brokers, faults=min(10, faults - done))
            folder = tmp_path / f"seed-{seed}"
            folder.mkdir()
            replay = (
                f"BROKERS={brokers} make soak FAULTS={shape.faults} SEED={seed} PYTEST_ARGS={_HERE}"
            )
            await _run(Deployment(cluster, redis_server, seed, shape, folder), shape, replay)
            done += shape.faults
            seed += 1
            _log.info("%s of %s faults are done", done, faults)


async def _run(deployment: Deployment, shape: Shape, replay: str) -> None:
    """Run the episode of a deployment's seed and have it judged."""
    evidence = await Episode(deployment, schedule(deployment.seed, shape)).run()
    judgement = await asyncio.to_thread(judge, evidence)
    for name, value in judgement.figures.items():
        _log.info("%-24s %s", name, round(value, 2))
    assert not judgement.problems, "\n".join(
        (*judgement.problems, f"logs and evidence: {deployment.folder}", f"again: {replay}")
    )


@contextmanager
def _started(brokers: int) -> Iterator[Cluster]:
    cluster = Cluster(brokers, LANES)
    try:
        cluster.__enter__()
    except BrokerUnavailable as reason:
        skip_without_java(reason)
        raise  # never reached: the line above ends the test
    with closing(cluster):
        yield cluster


def _has_memory() -> bool:
    """Whether three brokers and all the rest have room."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return False
    free = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), "0")
    return int(free) >= _THREE_BROKERS_KIB
