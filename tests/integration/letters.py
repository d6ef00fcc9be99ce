"""Records of the catalogue as messages, and the dead letters that must become of them."""

from __future__ import annotations

import hashlib

from aiokafka import ConsumerRecord

from handlers.reasons import ERASED_CUSTOMER
from tests.fault.bad_records import BadRecord, OddRecord
from tests.harness.deployment import Message, TopicPosition
from tests.integration.audit import LETTER_MAX_BYTES, first_bytes, source_of

_FIRST_MS = 1_735_689_600_000


def message_of(record: BadRecord | OddRecord, number: int, partition: int = 0) -> Message:
    """A record of the catalogue, with a timestamp of its own."""
    timestamp_ms = _FIRST_MS + number
    return Message(record.topic, record.value, record.key, partition, timestamp_ms, record.headers)


def letters_by_source(
    partitions: list[list[ConsumerRecord]],
) -> tuple[dict[TopicPosition, ConsumerRecord], int]:
    """Dead letters by where the record was, and how many there are beyond the first of each.

    Those beyond the first must be the same in every byte.
    """
    found: dict[TopicPosition, ConsumerRecord] = {}
    repeated = 0
    for letter in (letter for records in partitions for letter in records):
        first = found.setdefault(source_of(letter), letter)
        assert (letter.key, letter.value, letter.headers) == (first.key, first.value, first.headers)
        repeated += letter is not first
    return found, repeated


def check_letter(letter: ConsumerRecord, bad: BadRecord, message: Message) -> None:
    """Original bytes and key, and headers that say what it was and why it was refused."""
    headers = dict(reversed(letter.headers))  # ours come first
    assert headers["reason"].decode() == bad.reason, bad.name
    value = None if bad.reason == ERASED_CUSTOMER else bad.value
    assert (letter.key, letter.value) == first_bytes(bad.key, value), bad.name
    whole = (bad.key or b"") + (value or b"")
    if len(whole) > LETTER_MAX_BYTES:
        assert headers["original-size"] == str(len(whole)).encode()
        assert headers["original-sha256"] == hashlib.sha256(whole).hexdigest().encode()
    else:
        assert "original-size" not in headers
    assert headers["source-timestamp"] == str(message.timestamp_ms).encode()
    event_id = headers.get("event-id")
    assert (None if event_id is None else event_id.decode()) == bad.event_id, bad.name
    assert headers["detail"]
    for attribute, value in bad.headers:
        if attribute.startswith("ce_"):
            assert headers.get(attribute) == value, "a CloudEvent's attributes are part of it"
