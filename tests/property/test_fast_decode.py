"""The fast path gives what the full decoder gives, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.decode.decode import IN_THE_LOG, Limits, decode
from handlers.decode.fast import fast_event, raw_event
from handlers.events import Event
from handlers.reasons import Rejection
from tests.builders import (
    cancelled,
    day,
    day_ms,
    edited,
    event,
    order,
    paid,
    payment_failed,
    refund,
    survey,
    ticket_opened,
    viewed,
)

LIMITS = Limits(min_event_ms=day_ms(0), max_event_ms=day_ms(40))

USUAL = [
    order("o1", "12.50", day(1)),
    order("o1", 12, day(1), payment_status="paid", items=[{"sku": "a", "quantity": 2}]),
    order("o1", "1.5", day_ms(1), payment_status="failed", channel="web", schema_version=1),
    paid("o1", day(1)),
    cancelled("o1", day(1)),
    payment_failed("o1", day(1)),
    refund("o1", "2", day(1)),
    viewed(day(1), url="https://shop.example/a?b=c", query="红色 杯子"),
    viewed("2025-01-02T10:00:00+08:00"),
    viewed("2025-01-02T10:00:00Z", unknown={"deep": [1, "two", None, True]}),
    viewed(day(1), unknown=[1.5, 10**40]),
    order("o1", "2", day(1), items=[{"quantity": "2", "unit_price": 7}, {"quantity": "two"}]),
    event("product.searched", day(1), query="cup"),
    ticket_opened("t1", day(1), kind="complaint", severity=3),
    survey(4, day(1), comment="good"),
]
UNUSUAL = [
    event("consent.changed", day(1), marketing=True),
    order("o1", 12.5, day(1)),
    viewed(day(1), specversion="1.0"),
    viewed(day(1), schema_version=2),
    viewed(day(1), event_id=""),
    viewed(day(1), customer="a\x7fb"),
    viewed(day(1), customer="x" * 129),
    viewed("2025-01-02 10:00:00Z"),
    viewed("2025-01-02T10:00:60Z"),
    viewed("2025-01-02T24:00:00.000Z"),
    viewed("2025-02-30T10:00:00.000Z"),
    survey(11, day(1)),
    order("o1", "1", day(1), payment_status="later"),
    ticket_opened("t1", day(1), severity=True),
]

ODD_TIMES = st.sampled_from(
    [
        "2025-01-02T10:00:00.000z",
        "2025-01-02t10:00:00.000Z",
        "2025-01-02T10:00:00.12Z",
        "2025-01-02T10:00:00.1234Z",
        "2025-01-02T10:00:00",
        "2025-1-02T10:00:00.000Z",
        "\u0662025-01-02T10:00:00.000Z",
        "2025-01-02T10:00:\u0660\u0660.000Z",
        "0000-01-02T10:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
        "1989-12-31T23:59:59.999Z",
    ]
)
ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31),
    st.integers(-(2**62), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["x" * 128, "x" * 129, "\U0001f600" * 128, "\U0001f600" * 129, "a\x00b"]),
    ODD_TIMES,
    st.sampled_from([[], {}, [1], {"a": None}, [{"sku": 1}], [{"quantity": "2"}], [None]]),
    st.sampled_from([10**29, 10**30, 10**31, 2**63, 2**64]),
)
FIELDS = st.sampled_from(
    [
        "event_id",
        "type",
        "customer_id",
        "occurred_at",
        "schema_version",
        "channel",
        "specversion",
        "data",
        "order_id",
        "refund_id",
        "amount",
        "currency",
        "payment_status",
        "items",
        "session_id",
        "url",
        "ticket_id",
        "kind",
        "severity",
        "survey",
        "score",
        "comment",
        "unknown",
    ]
)
TYPES = st.sampled_from(
    ["order.placed", "order.paid", "page.viewed", "ticket.reopened", "survey.answered", "no.such"]
)


@st.composite
def altered_lines(draw: st.DrawFn) -> bytes:
    """A usual event with some fields given odd values, taken away or put in."""
    line = draw(st.sampled_from(USUAL))
    changes: dict[str, Any] = draw(st.dictionaries(FIELDS, ODD_VALUES, max_size=3))
    if draw(st.booleans()):
        changes["type"] = draw(TYPES)
    return edited(line, **changes)


@st.composite
def damaged_lines(draw: st.DrawFn) -> bytes:
    """A usual event with some bytes replaced, cut or said twice."""
    line = draw(altered_lines())
    at = draw(st.integers(0, len(line)))
    length = draw(st.integers(0, 4))
    return line[:at] + draw(st.binary(max_size=4)) + line[at + length :]


def assert_agrees(line: bytes) -> None:
    """What the fast path gives is what the full decoder gives."""
    full = decode(line, None, IN_THE_LOG)
    fast = fast_event(line)
    if fast is not None:
        assert isinstance(full, Event)
        assert type(fast) is type(full)
        assert fast == full
        assert fast.content.digest_of_object() == full.content.digest_of_object()
    raw = raw_event(line, LIMITS)
    if raw is not None:
        accepted = decode(line, None, LIMITS, with_content=False)
        assert isinstance(accepted, Event)
        assert (raw.customer_id, raw.declared.name) == (accepted.customer_id, accepted.type)


@given(altered_lines())
@example(edited(USUAL[0], unknown=10**31))
@example(edited(USUAL[0], amount="ten"))
@example(edited(USUAL[0], amount="-1"))
def test_altered_event_is_the_same_both_ways(line: bytes) -> None:
    assert_agrees(line)


@given(damaged_lines())
@example(b'{"u":"\xff",' + USUAL[7][1:])
@example(b'{"type":"order.placed",' + USUAL[7][1:])
@example(USUAL[7][:-1] + b',"type":"no.such"}')
@example(USUAL[7][:-1] + b',"customer_id":"ben"}')
@example(USUAL[7][:-1] + b',"customer_id":null}')
@example(USUAL[7][:-1] + b',"u":"\\ud800"}')
@example(USUAL[7] + b" x")
@example(b"\xef\xbb\xbf" + USUAL[7])
def test_damaged_bytes_are_judged_the_same_both_ways(line: bytes) -> None:
    assert_agrees(line)


@given(st.integers(0, 80), st.sampled_from(["[]", "{}"]))
def test_nesting_is_judged_the_same_both_ways(depth: int, brackets: str) -> None:
    opened = {"[]": "[", "{}": '{"a":'}[brackets]
    inner = opened * depth + "1" + brackets[1] * depth
    line = USUAL[7][:-1] + f',"deep":{inner}}}'.encode()
    assert_agrees(line)


def test_very_deep_nesting_is_left_to_the_full_decoder() -> None:
    line = USUAL[7][:-1] + b',"deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    assert fast_event(line) is None
    assert_agrees(line)


@pytest.mark.parametrize("line", USUAL)
def test_usual_event_takes_the_fast_path(line: bytes) -> None:
    assert fast_event(line) is not None
    assert raw_event(line, LIMITS) is not None
    assert_agrees(line)


@pytest.mark.parametrize("line", UNUSUAL)
def test_unusual_event_is_left_to_the_full_decoder(line: bytes) -> None:
    assert fast_event(line) is None
    assert_agrees(line)


@pytest.mark.parametrize("value", [None, b"", b"null", b"[]", b"1", b'"text"', b"{}"])
def test_what_is_no_event_is_left_to_the_full_decoder(value: bytes | None) -> None:
    assert fast_event(value) is None
    assert raw_event(value, LIMITS) is None


def test_record_that_is_too_large_is_left_to_the_full_decoder() -> None:
    line = viewed(day(1), url="x" * 256 * 1024)
    assert fast_event(line) is None
    assert raw_event(line, LIMITS) is None


def test_routing_keeps_to_the_bounds_of_time() -> None:
    assert raw_event(viewed(day(0)), LIMITS) is not None
    assert raw_event(viewed(day(40)), LIMITS) is not None
    assert raw_event(viewed(day(40, ms=1)), LIMITS) is None
    assert raw_event(viewed(day_ms(0) - 1), LIMITS) is None
    assert isinstance(decode(viewed(day_ms(0) - 1), None, LIMITS), Rejection)


def test_content_digest_is_the_same_in_any_order_of_names() -> None:
    document = json.loads(USUAL[1])
    turned = json.dumps(dict(reversed(document.items()))).encode()
    first, second = fast_event(USUAL[1]), fast_event(turned)
    assert first is not None
    assert second is not None
    assert first.content.digest == second.content.digest
