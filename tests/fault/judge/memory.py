"""Check 8: the memory of a process has no slope that its load does not explain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from tests.fault.evidence import Evidence, ProcessLife

WARM_UP_S = 20.0
"""Until modules are loaded, partitions restored and caches filled."""
SHORTEST_S = 60.0
MOST_BYTES_A_MINUTE = 16 << 20
"""An episode brings some thousand records within a few minutes. A record taken costs a customer's
state well under a kilobyte for good, and whatever Python's allocator rounds up. That is a few MiB a
minute at most; a worker that kept each batch, or each ledger twice, would be far beyond this."""

_MOST_SAMPLES = 200


@dataclass(frozen=True)
class Slope:
    """The trend of one process's memory."""

    life: ProcessLife
    bytes_a_minute: float


def slopes(evidence: Evidence) -> list[Slope]:
    """The slope of each process that lived long enough: the median over all pairs of samples."""
    last_s = max((sample.at_s for sample in evidence.samples), default=0.0)
    found = []
    for life in evidence.processes:
        begin_s = life.started_s + WARM_UP_S
        end_s = last_s if life.ended_s is None else life.ended_s
        points = [
            (sample.at_s, sample.rss_bytes[life.name])
            for sample in evidence.samples
            if begin_s <= sample.at_s <= end_s and life.name in sample.rss_bytes
        ]
        if len(points) < 3 or points[-1][0] - points[0][0] < SHORTEST_S:
            continue
        every = -(-len(points) // _MOST_SAMPLES)
        found.append(Slope(life, 60 * _theil_sen(points[::every])))
    return found


def _theil_sen(points: list[tuple[float, int]]) -> float:
    return median(
        (bytes_2 - bytes_1) / (at_2 - at_1)
        for (at_1, bytes_1), (at_2, bytes_2) in combinations(points, 2)
        if at_2 > at_1
    )


def check_memory(evidence: Evidence) -> Iterator[str]:
    """Processes that grow."""
    for slope in slopes(evidence):
        if slope.bytes_a_minute > MOST_BYTES_A_MINUTE:
            yield (
                f"{slope.life.name} (pid {slope.life.pid}, from {slope.life.started_s:.1f} s on) "
                f"grew by {slope.bytes_a_minute / (1 << 20):.1f} MiB a minute"
            )
