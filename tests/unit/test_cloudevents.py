"""CloudEvents 1.0 in structured and binary mode are events too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.decode.decode import as_line, decode
from handlers.events import Event, OrderPlaced
from handlers.reasons import Rejection
from tests.builders import day, day_ms, order, viewed
from tests.driver import Driver

DATA = {"order_id": "o1", "amount": "12.50", "currency": "USD"}


def structured(**changes: Any) -> bytes:
    envelope = {
        "specversion": "1.0",
        "id": "e1",
        "source": "/shop",
        "type": "order.placed",
        "subject": "ana",
        "time": day(0),
        "datacontenttype": "application/json",
        "data": DATA,
        **changes,
    }
    return json.dumps(envelope).encode()


def binary(**changes: bytes) -> dict[str, bytes]:
    return {
        "ce_specversion": b"1.0",
        "ce_id": b"e1",
        "ce_source": b"/shop",
        "ce_type": b"order.placed",
        "ce_subject": b"ana",
        "ce_time": day(0).encode(),
        **changes,
    }


def good(value: bytes, headers: dict[str, bytes] | None = None) -> Event:
    found = decode(value, headers)
    assert not isinstance(found, Rejection), found
    return found


def refused(value: bytes, headers: dict[str, bytes] | None = None) -> Rejection:
    found = decode(value, headers)
    assert isinstance(found, Rejection)
    return found


@pytest.mark.parametrize(
    ("value", "headers"), [(structured(), None), (json.dumps(DATA).encode(), binary())]
)
def test_both_modes_are_the_native_event(value: bytes, headers: dict[str, bytes] | None) -> None:
    event = good(value, headers)
    native = good(order("o1", "12.50", day(0), event_id="e1"))
    assert isinstance(event, OrderPlaced)
    event.content = native.content
    assert event == native


def test_the_attributes_of_the_envelope_win_over_fields_in_data() -> None:
    event = good(structured(data={**DATA, "event_id": "x", "customer_id": "ben", "type": "y"}))
    assert (event.event_id, event.customer_id, event.type) == ("e1", "ana", "order.placed")


@pytest.mark.parametrize("attribute", ["id", "type", "subject", "time"])
def test_a_missing_attribute_is_a_missing_field_even_if_data_has_it(attribute: str) -> None:
    data = {**DATA, "event_id": "e", "type": "t", "customer_id": "c", "occurred_at": day(0)}
    assert refused(structured(data=data, **{attribute: None})).reason == "missing_field"


def test_data_that_is_no_object_has_the_wrong_type() -> None:
    assert refused(structured(type="page.viewed", data=[1])).reason == "wrong_type"
    assert refused(structured(type="page.viewed", data="x")).reason == "wrong_type"


def test_an_event_without_fields_of_its_own_needs_no_data() -> None:
    assert good(structured(type="page.viewed", data=None)).type == "page.viewed"


@pytest.mark.parametrize("version", ["0.3", "1.1", 1, True])
def test_another_version_of_cloudevents_is_unsupported(version: Any) -> None:
    assert refused(structured(specversion=version)).reason == "unsupported_schema_version"


def test_another_version_in_binary_mode_is_unsupported() -> None:
    found = refused(json.dumps(DATA).encode(), binary(ce_specversion=b"0.3"))
    assert found.reason == "unsupported_schema_version"


def test_bytes_that_are_no_utf_8_in_a_header_never_make_one_customer_of_two() -> None:
    assert refused(json.dumps(DATA).encode(), binary(ce_subject=b"a\xff")).reason == "not_json"
    assert refused(json.dumps(DATA).encode(), binary(ce_subject=b"a\xfe")).reason == "not_json"


def test_a_header_that_is_no_attribute_of_the_event_may_be_anything() -> None:
    assert good(json.dumps(DATA).encode(), binary(ce_traceparent=b"\xff")).event_id


def test_a_field_of_data_named_like_an_attribute_does_no_harm() -> None:
    data = json.dumps({**DATA, "specversion": "9", "id": "x", "time": "never"}).encode()
    event = good(data, binary())
    assert (event.event_id, event.occurred_ms) == ("e1", day_ms(0))
    assert good(as_line(data, binary())) == event


def test_headers_of_other_kinds_leave_an_event_native() -> None:
    assert good(viewed(day(0)), {"traceparent": b"00-1", "ce_id": b"x"}).customer_id == "ana"


def test_the_event_id_of_a_dead_letter_is_the_id_of_the_envelope() -> None:
    assert refused(structured(time="never")).event_id == "e1"
    assert refused(json.dumps(DATA).encode(), binary(ce_time=b"never")).event_id == "e1"


def test_a_structured_event_sent_twice_is_a_duplicate() -> None:
    driver = Driver()
    driver.feed(structured(), structured())
    assert (driver.accepted, driver.duplicates) == (1, 1)


def test_a_binary_event_becomes_a_line_that_is_the_same_event_without_headers() -> None:
    value = json.dumps(DATA).encode()
    line = as_line(value, binary())
    assert good(line) == good(value, binary())
    assert good(line).occurred_ms == day_ms(0)
