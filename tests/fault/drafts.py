"""Records to be sent, and those of the catalogue of bad ones as such."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random

from tests.fault.bad_records import NEEDS_GROUNDWORK, bad_records, groundwork, odd_records
from tests.fault.evidence import Header
from tests.fault.judge.wire import attributes_of
from tests.fault.record_maker import BadRecord
from tests.oracle.checks import ANY_TIME
from tests.oracle.ingest import refusal

_EARLIER_MS = 26 * 3_600_000
"""Bad records occur so long before the episode: a clock that is a day late does not put them into
the future, which would be another reason to refuse them."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be sent; `sort` and `reason` as in `SentRecord`."""

    topic: str
    value: bytes | None
    key: bytes | None
    sort: str
    headers: tuple[Header, ...] = ()
    reason: str | None = None
    partition: int | None = None


def bad_drafts(random: Random, began_ms: int, rates: Collection[str]) -> Iterator[Draft]:
    """Records that cannot be used, without end; each time round the catalogue with other ids."""
    at = _time(began_ms)
    for number in count():
        records = bad_records(number, at=at, rates=rates)
        random.shuffle(records)
        for record in records:
            told = record.reason not in NEEDS_GROUNDWORK and not _rests_on_policy(record)
            reason = record.reason if told else None
            yield Draft(record.topic, record.value, record.key, "bad", record.headers, reason)


def odd_drafts(random: Random, began_ms: int, rates: Collection[str]) -> Iterator[Draft]:
    """Records that look wrong and are right, without end."""
    at = _time(began_ms)
    for number in count():
        records = odd_records(number, at=at, rates=rates)
        random.shuffle(records)
        for record in records:
            yield Draft(record.topic, record.value, record.key, "odd", record.headers)


def groundwork_drafts(began_ms: int) -> list[Draft]:
    """What must be there before some of the bad records."""
    return [Draft(topic, value, None, "good") for topic, value in groundwork(_time(began_ms))]


def _rests_on_policy(record: BadRecord) -> bool:
    """Whether it lacks what only some policies ask for, as an amount or who approved."""
    attributes = attributes_of(record.headers)
    found = refusal(record.value, attributes, ANY_TIME)
    return record.reason == "missing_field" and found is None


def _time(began_ms: int) -> str:
    at = datetime.fromtimestamp((began_ms - _EARLIER_MS) / 1_000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
