"""Check 2: in each partition of the log, what comes from one source partition stays in order."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fault.judge.case import Case
from tests.fault.judge.log import Entry
from tests.fault.judge.wire import Position


def check_order(case: Case) -> Iterator[str]:
    """Records of one source partition whose first occurrences do not rise."""
    for entries in case.log.values():
        newest: dict[Position, Entry] = {}
        for entry in entries:
            if entry.origin is None or entry.forwarded is not None or entry.is_repeated:
                continue
            position = entry.origin.position
            source = position._replace(offset=0)
            before = newest.setdefault(source, entry)
            assert before.origin is not None
            if before.origin.position.offset > position.offset:
                yield (
                    f"{entry} brings {position} after {before} brought {before.origin.position}: "
                    f"the order of {entry.record.key!r} is broken"
                )
            else:
                newest[source] = entry
