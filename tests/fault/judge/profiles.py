"""Check 4: the newest profile of each customer, and the view in Redis, say what the oracle says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fault.evidence import PROFILES_TOPIC, RawRecord
from tests.fault.judge.case import Case
from tests.fault.judge.wire import partition_of
from tests.oracle.log import Standing
from tests.oracle.times import parse_rfc3339

_COUNTED = ("sums", "rf", "unowned", "contacts")
_COUNTED_CELLS = "cells:"
"""What the view notes of a customer to take it out of its counters and indexes again."""

Newest = tuple[int, RawRecord]
"""The newest record of a customer and its partition."""


def newest_profiles(case: Case) -> dict[str, Newest]:
    """The newest record of each customer."""
    return {
        (record.key or b"").decode("utf-8", "replace"): (partition, record)
        for partition, record in case.records(PROFILES_TOPIC)
    }


def check_profiles(case: Case) -> Iterator[str]:
    """All that is wrong with profiles and the view."""
    newest = newest_profiles(case)
    standings: dict[str, list[Standing]] = {}
    for story in case.stories.values():
        for customer in story.standing:
            found = [story.standing[customer]]
            if customer in story.earlier:
                found.append(story.earlier[customer])
            standings[customer] = found
    for customer in sorted(newest.keys() | standings.keys()):
        if customer not in standings:
            yield f"{PROFILES_TOPIC} has a profile of {customer!r}, of whom the log knows nothing"
        elif customer not in newest:
            # Who came after the last checkpoint may not have one yet.
            if len(standings[customer]) > 1:
                yield f"{PROFILES_TOPIC} has no profile of {customer}"
        else:
            yield from _check_profile(case, customer, newest[customer], standings[customer])
    yield from _check_view(case, newest)


def _check_profile(
    case: Case, customer: str, newest: Newest, standings: list[Standing]
) -> Iterator[str]:
    """The newest record must be true at the end of the log, or as of the last checkpoint."""
    partition, record = newest
    place = f"{PROFILES_TOPIC}/{partition}/{record.offset}"
    if partition != partition_of(customer.encode(), case.evidence.partitions):
        yield f"{place} is in the wrong partition for {customer}"
    differences = [_differences(record, standing) for standing in standings]
    for difference in min(differences, key=len):
        yield f"{place}, the newest profile of {customer}, {difference}"


def _differences(record: RawRecord, standing: Standing) -> list[str]:
    is_gone = standing.customer is None
    if record.value is None or is_gone:
        if record.value is None and is_gone:
            return []
        gone = "erased" if standing.erased else f"merged into {standing.merged_into}"
        return ["is null" if record.value is None else f"is there, but the customer was {gone}"]
    try:
        envelope = json.loads(record.value)
        data: dict[str, Any] = envelope["data"]
        as_of_ms = parse_rfc3339(data["as_of"])
    except (ValueError, KeyError, TypeError) as error:
        return [f"is none: {type(error).__name__} {error}"]
    if as_of_ms is None:
        return [f"is as of {data['as_of']!r}"]
    should = standing.profile(as_of_ms)
    assert should is not None
    return [
        f"says {name} {data.get(name)!r}, the oracle says {should.get(name)!r}"
        for name in sorted(data.keys() | should.keys())
        if data.get(name, "absent") != should.get(name, "absent")
    ]


def _check_view(case: Case, newest: Mapping[str, Newest]) -> Iterator[str]:
    """Redis holds the newest record of each customer, and of nobody else."""
    view = case.evidence.redis
    there = {customer for customer, (_, record) in newest.items() if record.value is not None}
    for customer in sorted(view.keys() - there):
        yield f"Redis has {customer}, who has no profile"
    for customer in sorted(there):
        if customer not in view:
            yield f"Redis lacks {customer}"
            continue
        partition, record = newest[customer]
        for name, found, should in _view_differences(view[customer], partition, record):
            yield f"Redis has {found!r} as {name} of {customer}, the newest profile {should!r}"


def _view_differences(
    fields: Mapping[str, str], partition: int, record: RawRecord
) -> Iterator[tuple[str, object, object]]:
    assert record.value is not None
    try:
        data: dict[str, Any] = json.loads(record.value)["data"]
    except (ValueError, KeyError, TypeError):
        return  # it was told already
    should: dict[str, object] = {
        name: value for name, value in data.items() if isinstance(value, str | int | float)
    }
    should |= {f"tag:{entry['tag']}": entry["since"] for entry in data.get("tags", ())}
    should |= {
        "partition": str(partition),
        "offset": str(record.offset),
        "timestamp_ms": str(record.timestamp_ms),
        "profile": data,
    }
    for name in sorted(fields.keys() | should.keys()):
        if name in _COUNTED or name.startswith(_COUNTED_CELLS):
            continue
        found: object = fields.get(name)
        wanted = should.get(name)
        if found is not None and not isinstance(wanted, str) and wanted is not None:
            found = _parsed(str(found))
        if found != wanted or type(found) is not type(wanted):
            yield name, found, wanted


def _parsed(text: str) -> object:
    try:
        parsed: object = json.loads(text)
    except ValueError:
        return text
    return parsed
