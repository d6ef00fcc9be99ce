"""Whether the workers' positions belong to the topics there are."""

from __future__ import annotations

from collections.abc import Mapping

from cli.doctor.finding import Finding
from config.settings import Settings
from streams.faust_app import TopicChanged
from streams.kafka.offsets import read_positions, topic_guard


async def identity_finding(settings: Settings, counts: Mapping[str, int]) -> Finding:
    """Compare the ids beside committed positions with those of the topics; what workers refuse.

    Args:
        settings: of the deployment.
        counts: partitions by topic; all of ours are there.
    """
    positions = await read_positions(settings, counts)
    guard = topic_guard(settings)
    guard.look(positions.topics)
    try:
        for tp, (offset, mark) in positions.committed.items():
            guard.check_mark(mark)
            if offset < positions.begins[tp]:
                raise guard.out_of_range(tp, offset, positions.begins[tp], positions.ends[tp])
    except TopicChanged as changed:
        what, _, remedy = str(changed).partition("; ")
        return Finding(what, remedy)
    if not guard.mark:
        return Finding("positions: the brokers give topics no ids, so nobody can compare them")
    return Finding("positions: all belong to the topics there are")
