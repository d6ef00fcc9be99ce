"""What passes from one customer to another arrives: all of it, once, in order, and as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from handlers.merge.forwarding import Forwarded, Transfer
from handlers.state.partition_state import Source
from streams.kafka.forwarded import ForwardedRecord
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMER_EVENTS
from tests.simulator.fold import Fold, Passed, comparable
from tests.simulator.worker import PARTITIONS


def place_of(number: int, position: int) -> Source:
    """How what follows from a record of the log names it."""
    return Source(CUSTOMER_EVENTS, number, position)


def target_of(passed: Passed) -> int:
    """The partition of who something goes to."""
    return partition_of(passed.forwarded.into.encode(), PARTITIONS)


def check_forwarded(folds: Mapping[int, Fold]) -> Iterator[str]:
    """All that is wrong with what passes between partitions, or within one."""
    for number, fold in folds.items():
        for position, passed in fold.passed.items():
            place = place_of(number, position)
            targets = [target for target in folds if place in folds[target].forwarded]
            if targets != [target_of(passed)]:
                yield f"{place} goes on to {target_of(passed)}, and is found in {targets}"
        yield from _check_arrivals(number, fold, folds)


def _check_arrivals(number: int, fold: Fold, folds: Mapping[int, Fold]) -> Iterator[str]:
    newest: dict[int, int] = {}
    for source, position in fold.forwarded.items():
        if source.offset < newest.get(source.partition, -1):
            yield f"partition {number}: {source} came at {position}, after a later record"
        newest[source.partition] = source.offset
        passed = folds[source.partition].passed.get(source.offset)
        if passed is None:
            yield f"partition {number}: nothing goes on from {source}, but it came at {position}"
            continue
        for copy in fold.copies[source]:
            if _compared(copy.content) != _compared(passed.forwarded):
                yield f"partition {number}: another thing came than went on from {source}"
            if not _is_event_kept(copy, passed):
                yield f"partition {number}: what came from {source} has lost the event"


def _compared(forwarded: Forwarded) -> object:
    """Without what may differ: who wrote the state."""
    if isinstance(forwarded, Transfer):
        return replace(forwarded, state=b""), comparable(forwarded.state)
    return forwarded


def _is_event_kept(copy: ForwardedRecord, passed: Passed) -> bool:
    return copy.event == passed.event
