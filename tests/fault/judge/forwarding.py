"""Check 10: what must pass to another customer is in its partition once, in order, as it was."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fault.evidence import LOG_TOPIC
from tests.fault.judge.case import Case
from tests.fault.judge.forwarded import ForwardedRecord
from tests.fault.judge.log import Entry
from tests.fault.judge.wire import attributes_of, customer_in, event_id_in, partition_of
from tests.oracle.forwarded import Forwarded, Transfer
from tests.oracle.log_records import Place

_MUCH_BYTES = 500_000
"""A state so large may leave no room for the event of the merge beside it."""


def check_forwarded(case: Case) -> Iterator[str]:
    """All that is wrong with what passes between customers."""
    for partition, story in case.stories.items():
        for offset, forwarded in story.passed.items():
            yield from _check_arrival(case, (partition, offset), forwarded)
    for (partition, offset), entries in case.follows_from.items():
        story_of = case.stories.get(partition)
        if story_of is None or offset not in story_of.passed:
            yield f"{entries[0]} follows from {_name((partition, offset))}, of which nothing does"
    yield from _check_order(case)


def _check_arrival(case: Case, place: Place, forwarded: Forwarded) -> Iterator[str]:
    into = forwarded.way.into
    target = partition_of(into.encode(), case.evidence.partitions)
    found = case.follows_from.get(place, [])
    first = [entry for entry in found if not entry.is_repeated]
    if [entry.partition for entry in first] != [target]:
        where = ", ".join(map(str, first)) or "nowhere"
        yield f"{_name(place)} must go on to {into} in partition {target}, and is found {where}"
    for entry in found:
        yield from _check_copy(case, _name(place), forwarded, entry)


def _name(place: Place) -> str:
    return f"{LOG_TOPIC}/{place[0]}/{place[1]}"


def _check_copy(case: Case, place: str, expected: Forwarded, entry: Entry) -> Iterator[str]:
    forwarded = entry.forwarded
    assert forwarded is not None
    came, way = forwarded.arrival, expected.way
    if came.is_transfer != isinstance(expected, Transfer):
        yield f"{entry} is no such thing as must go on from {place}"
        return
    if came.way != way:
        yield f"{entry} has come by {came.way.shown()}, expected from {place} is {way.shown()}"
    if entry.record.key != way.into.encode():
        yield f"{entry} has the key {entry.record.key!r}, but goes to {way.into!r}"
    if isinstance(expected, Transfer):
        brought = forwarded.customer_id, forwarded.event_id
        merged = expected.customer.customer_id, expected.event_id
        if brought != merged:
            yield f"{entry} brings {brought}, expected are {merged}"
    yield from _check_origin(case, entry, forwarded)


def _check_origin(case: Case, entry: Entry, forwarded: ForwardedRecord) -> Iterator[str]:
    """What upstream sent is still there, byte for byte."""
    if entry.origin is None:
        yield f"{entry} does not say where upstream put what it passes on"
        return
    record = case.inputs.get(entry.origin.position)
    if record is None:
        yield f"{entry} comes from {entry.origin.position}, where nothing is"
        return
    if (entry.origin.key, entry.origin.timestamp_ms) != (record.key, record.timestamp_ms):
        yield f"{entry} names another key or timestamp than {entry.origin.position} has"
    attributes = attributes_of(record.headers)
    if attributes_of(entry.record.headers) != attributes:
        yield f"{entry} has other attributes than {entry.origin.position}"
    value, is_large = entry.record.value, False
    if forwarded.arrival.is_transfer:
        is_large = len(value or b"") > _MUCH_BYTES
        value = forwarded.event
        if forwarded.event_id != event_id_in(record.value, attributes):
            yield f"{entry} is of the merge {forwarded.event_id!r}, not of {entry.origin.position}"
    if value != record.value and not (is_large and value is None):
        yield f"{entry} has other bytes than {entry.origin.position}"
    if not forwarded.arrival.way.passed and forwarded.arrival.way.back_from is None:
        yield f"{entry} has come from {customer_in(record.value, attributes)!r} without a way"


def _check_order(case: Case) -> Iterator[str]:
    """What comes from one partition comes in its order."""
    for partition, entries in case.log.items():
        newest: dict[int, int] = {}
        for entry in entries:
            if entry.forwarded is None or entry.is_repeated:
                continue
            source, offset = entry.forwarded.arrival.follows_from
            if offset < newest.get(source, -1):
                yield (
                    f"{entry} follows from {_name((source, offset))}, after {partition} had "
                    f"what follows from {newest[source]}: a reader drops it"
                )
            newest[source] = max(offset, newest.get(source, -1))
