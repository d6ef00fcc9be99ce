"""What a deployment put out, held against a backtest of its own canonical log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from handlers.outputs import CUSTOMER_PROFILES
from handlers.partition import Partition
from handlers.state.customer import Customer
from streams.kafka.headers import origin_of
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, OUTPUTS
from tests.harness.deployment import Deployment, TopicPosition
from tests.integration.truth import backtested

_TIMELESS = (
    *("sequence", "attributes", "marketing_consent", "tier", "stage", "level", "frequency"),
    *("monetary", "orders_ever", "first_order_at", "last_order_at", "last_interaction_at"),
    *("open_tickets", "policy_version"),
)
"""What a profile says of a customer, but for figures as of the moment it was written."""

LETTER_MAX_BYTES = 262_144


class Audit(NamedTuple):
    """What an audited deployment wrote in all.

    `outputs` counts what a consumer keeps, `repeated` what it drops; `redelivered` are records
    that ingest wrote to the canonical log once more.
    """

    outputs: int
    due: int
    repeated: int
    redelivered: int


async def audit(deployment: Deployment) -> Audit:
    """Hold every output, dead letter, state and profile against a backtest of the dumped log.

    And every record sent must be in that log, or a dead letter. The deployment must be drained and
    its workers stopped.
    """
    topics = (*OUTPUTS, CUSTOMER_PROFILES, DEAD_LETTERS)
    written = {topic: await deployment.read(topic) for topic in topics}
    log = await deployment.read(CUSTOMER_EVENTS)
    letters = [_first_told(records) for records in written[DEAD_LETTERS]]
    _check_arrival(deployment, log, letters)
    outputs = due = repeated = redelivered = 0
    for number in range(deployment.settings.partitions):
        state = await deployment.state(number)
        lines, again = await deployment.dump(number)
        truth = backtested(deployment, _applied(lines, log[number], state.meta.applied))
        kept: list[bytes] = []
        for topic in OUTPUTS:
            records = written[topic][number]
            _check_keys(records, deployment.settings.partitions, number)
            consumed = consume(records)
            should = truth.outputs[topic]
            assert len(consumed) == len(should), f"{topic}/{number} differs from the backtest"
            for value, expected in zip(consumed, should, strict=True):
                assert value == expected or _is_as_before_format_3(value, expected)
            kept += consumed
            repeated += len(records) - len(consumed)
        _check_sequences(kept)
        assert _told_by_engine(letters[number], log[number]) == truth.dead_letters
        _check_states(state, truth.partition)
        _check_profiles(written[CUSTOMER_PROFILES][number], truth.partition)
        outputs += len(kept)
        due += truth.partition.context.tally.due
        redelivered += again
    return Audit(outputs, due, repeated, redelivered)


def consume(records: Iterable[ConsumerRecord]) -> list[bytes]:
    """What a consumer keeps that drops all not greater than the last sequence of a customer."""
    last: dict[bytes, int] = {}
    first_told: dict[tuple[bytes, int], bytes] = {}
    kept = []
    for record in records:
        sequence = data_of(record.value)["sequence"]
        told = first_told.setdefault((record.key, sequence), record.value)
        assert told == record.value, "an output was repeated with other bytes"
        if sequence > last.get(record.key, 0):
            last[record.key] = sequence
            kept.append(record.value)
    return kept


def _is_as_before_format_3(value: bytes, expected: bytes | None) -> bool:
    """Whether an output of a release before format 3 is right in all that it says."""
    told = json.loads(value)
    return "backfill" not in told["data"] and _is_part(told, json.loads(expected or b"null"))


def _is_part(told: Any, should: Any) -> bool:
    if isinstance(told, dict) and isinstance(should, dict):
        return told.keys() <= should.keys() and all(_is_part(told[k], should[k]) for k in told)
    if isinstance(told, list) and isinstance(should, list):
        return len(told) == len(should) and all(map(_is_part, told, should))
    return bool(told == should)


def data_of(value: bytes) -> dict[str, Any]:
    """The `data` of an output."""
    data: dict[str, Any] = json.loads(value)["data"]
    return data


def first_bytes(key: bytes | None, value: bytes | None) -> tuple[bytes | None, bytes | None]:
    """What a dead letter holds of a record: 256 KiB of it, the key first."""
    room = LETTER_MAX_BYTES - len(key or b"")
    first_key = None if key is None else key[:LETTER_MAX_BYTES]
    return first_key, None if value is None else value[: max(0, room)]


def source_of(letter: ConsumerRecord) -> TopicPosition:
    """Where a dead letter was, as its headers say."""
    headers = {name: value.decode("utf-8", "replace") for name, value in letter.headers}
    return TopicPosition(
        headers["source-topic"], int(headers["source-partition"]), int(headers["source-offset"])
    )


def _logged(records: Iterable[ConsumerRecord]) -> dict[TopicPosition, bytes]:
    """The events of a part of the canonical log, by where they came from."""
    return {
        _came_from(record): record.value
        for record in records
        if record.key is not None and not _is_forwarded(record)
    }


def _came_from(record: ConsumerRecord) -> TopicPosition:
    """Where upstream put a record of the log, or the one that it follows from."""
    origin = origin_of(record.headers, record.key)
    assert origin is not None
    source = origin.source
    return TopicPosition(source.topic, source.partition, source.offset)


def _is_forwarded(record: ConsumerRecord) -> bool:
    """Whether a record of the log came from another customer who was merged."""
    return "onward" in dict(record.headers)


def _first_told(letters: Iterable[ConsumerRecord]) -> dict[TopicPosition, ConsumerRecord]:
    """Dead letters by where they were, in the order in which they were told first."""
    found: dict[TopicPosition, ConsumerRecord] = {}
    for letter in letters:
        known = found.setdefault(source_of(letter), letter)
        assert (known.value, known.headers) == (letter.value, letter.headers)
    return found


def _check_arrival(
    deployment: Deployment,
    log: Iterable[Iterable[ConsumerRecord]],
    letters: Iterable[dict[TopicPosition, ConsumerRecord]],
) -> None:
    """Whatever was sent is in the log as it was, or, where it could not be, a dead letter.

    The dead letter of a very long record holds the beginning of it.
    """
    logged: dict[TopicPosition, bytes] = {}
    for records in log:
        logged |= _logged(records)
    refused = {source: letter for part in letters for source, letter in part.items()}
    sent = dict(deployment.sent)
    for source in refused.keys() - logged.keys():
        _, sent[source] = first_bytes(refused[source].key, sent[source])
    assert {source: letter.value for source, letter in refused.items()} | logged == sent


def _told_by_engine(
    letters: dict[TopicPosition, ConsumerRecord], log: Iterable[ConsumerRecord]
) -> list[tuple[str, str | None]]:
    """The reason and the event id of the dead letters among the records of the log."""
    logged = {_came_from(record) for record in log if record.key is not None}
    told = [dict(letter.headers) for source, letter in letters.items() if source in logged]
    ids = [headers.get("event-id") for headers in told]
    return [
        (headers["reason"].decode(), None if event_id is None else event_id.decode())
        for headers, event_id in zip(told, ids, strict=True)
    ]


def _applied(lines: list[bytes], log: list[ConsumerRecord], applied: int) -> list[bytes]:
    """The dumped log as far as the engine came before it was stopped.

    All that may be behind that are ticks of its last moment.
    """
    behind = [record for record in log if record.offset > applied]
    assert all(record.key is None for record in behind), "an event was not applied"
    return lines[: len(lines) - len(behind)]


def _check_keys(records: Iterable[ConsumerRecord], partitions: int, number: int) -> None:
    for record in records:
        assert record.key.decode() == data_of(record.value)["customer_id"]
        assert partition_of(record.key, partitions) == number


def _check_sequences(values: Iterable[bytes]) -> None:
    """All topics of a customer together count 1, 2, 3 and so on."""
    sequences: dict[str, list[int]] = {}
    for value in values:
        data = data_of(value)
        sequences.setdefault(data["customer_id"], []).append(data["sequence"])
    for customer_id, told in sequences.items():
        assert sorted(told) == list(range(1, len(told) + 1)), customer_id


def _check_states(found: Partition, expected: Partition) -> None:
    assert found.store.ids() == expected.store.ids()
    for customer_id in expected.store.ids():
        assert _content(found, customer_id) == _content(expected, customer_id)
    for name in ("app_id", "mode", "allowed_lateness_ms", "policy", "newest_ms", "clock_ms"):
        assert getattr(found.meta, name) == getattr(expected.meta, name), name


def _content(partition: Partition, customer_id: str) -> Customer:
    """A customer's state without where it stands in the log and who wrote it."""
    customer = partition.store.get(customer_id)
    assert customer is not None
    into = customer.merged_into and msgspec.structs.replace(customer.merged_into, offset=0)
    places = {"epoch": 0, "applied": 0, "first_offset": 0, "erased_offset": 0}
    return msgspec.structs.replace(customer, **places, refused=[], away=[], merged_into=into)


def _check_profiles(records: Iterable[ConsumerRecord], expected: Partition) -> None:
    newest = {record.key.decode(): record.value for record in records}
    assert sorted(newest) == expected.store.ids()
    for customer_id, value in newest.items():
        wanted = expected.profile(customer_id).value
        assert (value is None) == (wanted is None), customer_id
        if value is not None and wanted is not None:
            found, should = data_of(value), data_of(wanted)
            assert {n: found[n] for n in _TIMELESS} == {n: should[n] for n in _TIMELESS}
