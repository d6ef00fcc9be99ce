"""Check 8: the memory of a process has no slope that its load does not explain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from tests.fault.evidence import LOG_TOPIC, Evidence
from tests.harness.life import ProcessLife

WARM_UP_S = 20.0
"""Until modules are loaded, partitions restored and caches filled."""
SHORTEST_S = 60.0
BYTES_A_MINUTE = 2 << 20
"""What Python's allocator may lose to fragments, however little there is to do."""
BYTES_ONCE = 18 << 20
"""What may be added at any one time and never again: buffers for a backlog after an outage, the
partitions of a worker that died, caches that are not full yet. A minute of life cannot tell that
from a leak; ten minutes can, so it counts by the minutes looked at."""
BYTES_A_RECORD = 512
"""What a record of the log may leave for good in the worker that takes it. In the episodes of the
rig it is 27 bytes of packed state on average, 500 bytes a customer, and about ten times that while
the customer is unpacked. A worker that kept what it has read would keep 800 bytes a record, and
about as much again for the event made of it."""

_MOST_SAMPLES = 200


@dataclass(frozen=True)
class Slope:
    """The trend of one process's memory, and the most that its load explains."""

    life: ProcessLife
    bytes_a_minute: float
    allowed: float


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
        span_s = points[0][0], points[-1][0]
        allowed = (
            BYTES_A_MINUTE
            + BYTES_A_RECORD * _records_a_minute(evidence, *span_s)
            + BYTES_ONCE * 60 / (span_s[1] - span_s[0])
        )
        found.append(Slope(life, 60 * _theil_sen(points[::every]), allowed))
    return found


def _records_a_minute(evidence: Evidence, begin_s: float, end_s: float) -> float:
    """The pace at which the whole log grew: one worker may have had all of it."""
    sizes = [
        sum(end for (topic, _), end in sample.ends.items() if topic == LOG_TOPIC)
        for sample in evidence.samples
        if begin_s <= sample.at_s <= end_s
    ]
    return 60 * (sizes[-1] - sizes[0]) / (end_s - begin_s)


def _theil_sen(points: list[tuple[float, int]]) -> float:
    return median(
        (bytes_2 - bytes_1) / (at_2 - at_1)
        for (at_1, bytes_1), (at_2, bytes_2) in combinations(points, 2)
        if at_2 > at_1
    )


def check_memory(evidence: Evidence) -> Iterator[str]:
    """Processes that grow."""
    for slope in slopes(evidence):
        if slope.bytes_a_minute > slope.allowed:
            yield (
                f"{slope.life.name} (pid {slope.life.pid}, from {slope.life.started_s:.1f} s on) "
                f"grew by {slope.bytes_a_minute / (1 << 20):.1f} MiB a minute, its load explains "
                f"{slope.allowed / (1 << 20):.1f}"
            )
