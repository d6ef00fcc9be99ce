"""What the tests of faults share: a cluster to run on, and an episode that is judged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from devtools.servers import BrokerUnavailable
from tests.fault.episode import Episode
from tests.fault.judge import judge
from tests.fault.rig import LANES, Rig
from tests.fault.schedule import Fault
from tests.harness.cluster import Cluster
from tests.harness.kafka import skip_without_java

_log = logging.getLogger(__name__)

_THREE_BROKERS_KIB = 8 * 1024 * 1024


async def run_and_judge(rig: Rig, plan: Sequence[Fault], replay: str) -> None:
    """Run an episode and have it judged.

    Args:
        rig: not yet entered.
        plan: the faults.
        replay: the line that does the same again.
    """
    evidence = await Episode(rig, plan).run()
    judgement = await asyncio.to_thread(judge, evidence)
    for name, value in judgement.figures.items():
        _log.info("%-24s %s", name, round(value, 2))
    assert not judgement.problems, "\n".join(
        (
            *judgement.problems,
            f"logs and evidence are in {rig.folder}",
            f"the verdict again: python -m tests.fault.judge {rig.folder}/evidence",
            f"all of it again: {replay}",
        )
    )


@contextmanager
def started(brokers: int, config: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster with a way for each process of a deployment; skips where there is no Java."""
    cluster = Cluster(brokers, LANES, config)
    try:
        cluster.__enter__()
    except BrokerUnavailable as reason:
        skip_without_java(reason)
        raise  # never reached: the line above ends the test
    with closing(cluster):
        yield cluster


def brokers_there_is_room_for() -> int:
    """Three where memory allows, else one."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 1
    free = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), "0")
    return 3 if int(free) >= _THREE_BROKERS_KIB else 1
