"""A dead letter fits its topic, whatever upstream sent, and says what it holds only a part of."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from handlers.decode.decode import decode
from handlers.merge.forwarding import MAX_EVENT_HOPS, ForwardedEvent, Hop
from handlers.reasons import (
    ERASED_CUSTOMER,
    INVALID_VALUE,
    NOT_JSON,
    TOO_LARGE,
    UNKNOWN_CURRENCY,
    Rejection,
)
from handlers.state.partition_state import Source
from streams.kafka.attributes import MAX_ATTRIBUTES_BYTES, copied_attributes
from streams.kafka.dead_letter import MAX_BYTES, dead_letter, with_first_bytes_of_key
from streams.kafka.forwarded import envelope
from streams.kafka.headers import (
    COMPLETE,
    Origin,
    canonical_headers,
    cloud_event_headers,
    left_out_of,
    origin_of,
)

KAFKA_DEFAULT_MAX_BYTES = 1_048_588
REFUSED = Rejection(UNKNOWN_CURRENCY, "no rate", "e1")


def origin(key: bytes | None) -> Origin:
    """With a topic and numbers as long as they can be."""
    return Origin(Source("t" * 249, 2**31, 2**63, "i" * 22), 2**41, key)


def size(key: bytes | None, value: bytes | None, headers: Any) -> int:
    """What a record takes in a batch of its own."""
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2**30)
    batch.append(0, 0, key, value, headers)
    return len(batch.build())


def said(headers: Any) -> dict[str, bytes]:
    """Headers by name, the first of each."""
    return dict(reversed(headers))


def test_up_to_256_kib_of_key_and_value_together_a_letter_is_whole() -> None:
    key, value = b"k" * 100, b"v" * (MAX_BYTES - 100)
    found = dead_letter(key, value, origin(key), REFUSED, ())
    assert (found.key, found.value) == (key, value)
    assert left_out_of(found.headers) == COMPLETE
    assert found.headers[-1][0] == "detail", "and nothing is said of an original"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"k" * 100, b"v" * (MAX_BYTES - 99)),
        (None, b"v" * (MAX_BYTES + 1)),
        (b"k" * 100, b"v" * 1_048_200),
        (b"k" * 900_000, b"{}"),
        (b"k" * (MAX_BYTES + 1), None),
        (None, b"v" * 5_000_000),
    ],
)
def test_of_more_it_holds_the_first_256_kib_and_says_size_and_digest(
    key: bytes | None, value: bytes | None
) -> None:
    found = dead_letter(key, value, origin(key), Rejection(TOO_LARGE, "x"), ())
    whole = (key or b"") + (value or b"")
    assert (found.key or b"") + (found.value or b"") == whole[:MAX_BYTES]
    assert (found.key is None, found.value is None) == (key is None, value is None)
    headers = said(found.headers)
    assert headers["original-size"] == str(len(whole)).encode()
    assert headers["original-sha256"] == sha256(whole).hexdigest().encode()
    assert size(*found) <= KAFKA_DEFAULT_MAX_BYTES


@given(
    key=st.none() | st.integers(0, 3 * MAX_BYTES),
    value=st.none() | st.integers(0, 3 * MAX_BYTES),
    names=st.lists(st.tuples(st.text(max_size=20), st.integers(0, 40_000)), max_size=30),
    event_id=st.none() | st.text(min_size=128, max_size=128),
    detail=st.text(max_size=5) | st.just("\U0001f600" * 600),
)
def test_every_letter_fits_a_topic_with_kafkas_defaults(
    key: int | None,
    value: int | None,
    names: list[tuple[str, int]],
    event_id: str | None,
    detail: str,
) -> None:
    sent_key, sent = (None if one is None else b"x" * one for one in (key, value))
    headers = [(f"ce_{name}", b"h" * length) for name, length in names]
    headers += [("replayed-from", b"x" * 2_000_000)]
    refused = Rejection(NOT_JSON, detail, None if event_id is None else event_id[:128])
    found = dead_letter(sent_key, sent, origin(sent_key), refused, headers)
    assert size(*found) <= MAX_BYTES + 2 * MAX_ATTRIBUTES_BYTES


def test_950_headers_of_a_kilobyte_are_bounded_and_those_that_make_the_event_stay() -> None:
    needed = [(f"ce_{name}", name.encode()) for name in ("specversion", "id", "type", "subject")]
    headers = [(f"ce_x{number}", b"h" * 1_000) for number in range(950)] + needed
    found = dead_letter(b"k", b"{}", origin(b"k"), REFUSED, headers)
    kept = [pair for pair in found.headers if pair[0].startswith("ce_")]
    assert kept[-4:] == needed, "in the order in which they came"
    assert 15_000 < sum(len(value) for _, value in kept) <= MAX_ATTRIBUTES_BYTES
    assert said(found.headers)["attributes-left-out"] == str(len(headers) - len(kept)).encode()
    assert (found.key, found.value) == (b"k", b"{}")


def test_an_attribute_that_is_far_too_long_is_refused_by_the_engine_as_by_the_ingest() -> None:
    """It is shortened in the log, to what is still too long, and still UTF-8."""
    attributes = {"specversion": b"1.0", "type": b"activity.recorded", "subject": b"ana"}
    attributes |= {"time": b"2026-01-01T00:00:00Z", "id": "x\u20ac".encode() * 20_000}
    headers = [(f"ce_{name}", value) for name, value in attributes.items()]
    value = b'{"activity":"referral"}'
    logged = canonical_headers(origin(b"ana"), b"ana", headers)
    assert len(dict(logged)["ce_id"]) <= 2_048
    assert dict(logged)["attributes-left-out"] == b"1"
    for found in (headers, logged):
        event = decode(value, cloud_event_headers(found))
        assert not isinstance(event, Rejection)
        assert event.fault is not None
        assert event.fault.startswith("event_id has ")


def test_of_a_name_that_is_there_twice_the_last_is_kept_since_it_is_the_one_that_counts() -> None:
    large = [("ce_id", b"y" * 17_000), ("ce_id", b"last")]
    copied = copied_attributes([*large, ("other", b"z" * 20_000)])
    assert copied == ([("ce_id", b"last")], 1)


def test_a_letter_of_the_engine_is_the_one_that_the_ingest_would_have_written() -> None:
    """Though the log holds only the first bytes of the key, and of the attributes a part."""
    key, value = b"k" * 900_000, b"v" * 100_000
    headers = [(f"ce_x{number}", b"h" * 1_000) for number in range(40)]
    refused = Rejection(INVALID_VALUE, "out of range")
    direct = dead_letter(key, value, origin(key), refused, headers)

    shortened, left_out = with_first_bytes_of_key(origin(key), value)
    logged = canonical_headers(shortened, b"ana", headers, left_out)
    assert size(b"ana", value, logged) <= KAFKA_DEFAULT_MAX_BYTES
    read = origin_of(logged, b"ana")
    assert read is not None
    later = dead_letter(read.key, value, read, refused, logged, left_out_of(logged))
    assert (later.key, later.value) == (direct.key, direct.value)
    without_id = [pair for pair in direct.headers if pair[0] != "source-topic"]
    assert [pair for pair in later.headers if pair[0] != "source-topic"] == without_id


def test_an_event_on_a_very_long_way_leaves_its_key_behind_and_says_so() -> None:
    hop = Hop("\U0001f600" * 128, 2**31)
    way = ForwardedEvent(into=hop.customer_id, via=(hop,) * MAX_EVENT_HOPS, back=hop)
    key, value = b"k" * MAX_BYTES, b"v" * MAX_BYTES
    headers = [("ce_x", b"h" * MAX_ATTRIBUTES_BYTES)]
    logged = canonical_headers(origin(key), b"ana", headers)
    found = envelope(way, value, origin(key), logged, (2**31, 2**63))
    assert size(*found) <= KAFKA_DEFAULT_MAX_BYTES
    assert found.value == value
    read = origin_of(found.headers, found.key)
    assert read is not None
    letter = dead_letter(read.key, value, read, REFUSED, found.headers, left_out_of(found.headers))
    assert said(letter.headers)["original-sha256"] == sha256(key + value).hexdigest().encode()


def test_nothing_is_said_of_the_bytes_of_an_erased_customer() -> None:
    refused = Rejection(ERASED_CUSTOMER, "the customer was erased")
    left_out = left_out_of([("original-size", b"7"), ("original-sha256", b"ab")])
    found = dead_letter(b"k", b"v" * 300_000, origin(b"k"), refused, [("ce_id", b"e")], left_out)
    assert found.value is None
    assert {name for name, _ in found.headers} == {
        "reason",
        "source-topic",
        "source-partition",
        "source-offset",
        "source-timestamp",
        "detail",
    }


def test_what_upstream_says_of_an_original_is_not_believed() -> None:
    forged = [("original-size", b"1"), ("original-sha256", b"0"), ("attributes-left-out", b"9")]
    found = dead_letter(b"k", b"v", origin(b"k"), REFUSED, forged)
    logged = canonical_headers(origin(b"k"), b"ana", forged)
    assert left_out_of(found.headers) == left_out_of(logged) == COMPLETE
