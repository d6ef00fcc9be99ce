"""From bytes to an event, or to the first reason why not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.decode.decode import Limits, as_line, decode
from handlers.decode.fast import raw_event
from handlers.decode.json_object import MAX_RECORD_BYTES
from handlers.events import Event
from handlers.reasons import REASONS, Rejection
from scoring.policy import Policy
from tests.builders import (
    cancelled,
    consent,
    day,
    day_ms,
    edited,
    erased,
    merged,
    order,
    profile,
    redeemed,
    refund,
    survey,
    ticket_opened,
    viewed,
    without,
)
from tests.driver import Driver

LIMITS = Limits(max_event_ms=day_ms(100))


def reason(line: bytes | None) -> str | None:
    found = decode(line, limits=LIMITS)
    return found.reason if isinstance(found, Rejection) else None


def good(line: bytes, headers: dict[str, bytes] | None = None) -> Event:
    found = decode(line, headers, LIMITS)
    assert not isinstance(found, Rejection), found
    return found


def nested(levels: int) -> bytes:
    """An event so many levels deep, its own object the first."""
    lists = levels - 1
    return viewed(day(0))[:-1] + b',"x":' + b"[" * lists + b"]" * lists + b"}"


# too_large, not_json


def test_a_record_over_256_kib_is_too_large_whatever_is_in_it() -> None:
    assert MAX_RECORD_BYTES == 262_144
    line = viewed(day(0), note="")
    fits = edited(line, note="x" * (MAX_RECORD_BYTES - len(line)))
    assert len(fits) == MAX_RECORD_BYTES
    assert reason(fits) is None
    assert reason(fits + b" ") == "too_large"
    assert reason(b"\xff" * (MAX_RECORD_BYTES + 1)) == "too_large"


@pytest.mark.parametrize(
    "line",
    [
        None,
        b"",
        b"not json at all",
        b'{"type":"page.viewed"',
        viewed(day(0)) + b"x",
        viewed(day(0)) + viewed(day(0)),
        b"[]",
        b"5",
        b'"page.viewed"',
        b"null",
        viewed(day(0))[:-1] + b',"x":NaN}',
        viewed(day(0))[:-1] + b',"x":-Infinity}',
        viewed(day(0))[:-1] + b',"x":01}',
        viewed(day(0))[:-1] + b",}",
        viewed(day(0)).replace(b'"', b"'"),
        viewed(day(0))[:-1] + b',"x":"\xff"}',
        viewed(day(0))[:-1] + b',"x":"\xed\xa0\x80"}',
        viewed(day(0))[:-1] + b',"x":"\\ud800"}',
        viewed(day(0))[:-1] + b',"x":"a\nb"}',
        b"\xef\xbb\xbf" + viewed(day(0)),
        viewed(day(0)).decode().encode("utf-16"),
        nested(33),
        nested(10_000),
    ],
)
def test_what_is_no_json_object_is_not_json(line: bytes | None) -> None:
    assert reason(line) == "not_json"


HUGE = b'{"n":' + b"1" * 5_000 + b","


@pytest.mark.parametrize(
    "rest",
    [
        b',"x":NaN}',
        b',"x":-Infinity}',
        b',"x":"\\ud800"}',
        b',"\\udfff":1}',
        b',"x":"\xff"}',
        b',"x":"a\nb"}',
        b"}x",
        b',"x":' + b"[" * 32 + b"]" * 32 + b"}",
        b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
)
def test_a_huge_integer_excuses_nothing_else(rest: bytes) -> None:
    """Integers of thousands of digits take another way through the parser."""
    assert reason(HUGE + viewed(day(0))[1:-1] + rest) == "not_json"
    assert reason(HUGE + viewed(day(0))[1:]) is None


def test_a_tombstone_is_never_an_erasure() -> None:
    assert decode(None) == Rejection("not_json", "a record without a value is no event")


def test_nesting_of_32_is_allowed() -> None:
    assert reason(nested(32)) is None


def test_of_a_name_that_stands_twice_the_last_counts() -> None:
    assert good(b'{"type":"nonsense",' + viewed(day(0))[1:]).type == "page.viewed"


# missing_field, unknown_type


REQUIRED = [
    (order("o1", "5", day(0)), ("order_id", "currency")),
    (cancelled("o1", day(0)), ("order_id",)),
    (refund("o1", "5", day(0)), ("refund_id", "amount")),
    (ticket_opened("t1", day(0)), ("ticket_id",)),
    (survey(5, day(0)), ("survey", "score")),
    (profile({}, day(0)), ("attributes",)),
    (consent(True, day(0)), ("marketing",)),
    (merged("ben", day(0)), ("into",)),
    (redeemed(5, day(0)), ("redemption_id", "points")),
]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (line, name)
        for line, names in REQUIRED
        for name in ("event_id", "type", "customer_id", "occurred_at", *names)
    ],
)
def test_a_required_field_absent_null_or_empty_is_missing(line: bytes, name: str) -> None:
    assert reason(line) is None
    assert reason(without(line, name)) == "missing_field"
    assert reason(edited(line, **{name: None})) == "missing_field"
    assert reason(edited(line, **{name: ""})) == "missing_field"


@pytest.mark.parametrize("name", ["channel", "schema_version", "payment_status", "items"])
def test_null_in_an_optional_field_counts_as_absent(name: str) -> None:
    assert reason(edited(order("o1", "5", day(0)), **{name: None})) is None


def test_of_missing_fields_the_type_is_named_first() -> None:
    found = decode(b'{"order_id":"o1"}')
    assert isinstance(found, Rejection)
    assert (found.reason, found.detail) == ("missing_field", "type is missing")


@pytest.mark.parametrize("type_name", ["order.lost", "Order.Placed", 5, True, [], {}, "clock.tick"])
def test_a_type_that_is_unknown_or_no_text_is_an_unknown_type(type_name: Any) -> None:
    assert reason(edited(order("o1", "5", day(0)), type=type_name)) == "unknown_type"


@pytest.mark.parametrize("name", ["event_id", "customer_id", "occurred_at"])
@pytest.mark.parametrize("type_name", ["order.lost", 5])
def test_with_an_unknown_type_the_common_fields_can_be_missing(name: str, type_name: Any) -> None:
    line = edited(viewed(day(0)), type=type_name)
    assert reason(without(line, name)) == "missing_field"


def test_with_an_unknown_type_no_other_field_can_be_missing() -> None:
    assert reason(edited(viewed(day(0)), type="order.lost")) == "unknown_type"


# unsupported_schema_version, wrong_type


@pytest.mark.parametrize("version", [0, 2, -1, 2.0, 10**40])
def test_another_schema_version_is_unsupported(version: Any) -> None:
    assert reason(viewed(day(0), schema_version=version)) == "unsupported_schema_version"


@pytest.mark.parametrize("version", [1, 1.0])
def test_version_1_is_supported(version: Any) -> None:
    assert reason(viewed(day(0), schema_version=version)) is None


@pytest.mark.parametrize("version", ["1", 1.5, True, [], ""])
def test_a_schema_version_that_is_no_integer_has_the_wrong_type(version: Any) -> None:
    assert reason(viewed(day(0), schema_version=version)) == "wrong_type"


@pytest.mark.parametrize(
    "line",
    [
        viewed(day(0), event_id=5),
        edited(viewed(day(0)), customer_id=5),
        edited(viewed(day(0)), occurred_at=True),
        edited(viewed(day(0)), occurred_at=1.5),
        edited(viewed(day(0)), occurred_at=["2025-01-01T00:00:00Z"]),
        viewed(day(0), channel=5),
        viewed(day(0), url={}),
        viewed(day(0), session_id=5),
        order("o1", True, day(0)),
        order("o1", [5], day(0)),
        order("o1", {"value": 5}, day(0)),
        order("o1", "5", day(0), currency=840),
        edited(order("o1", "5", day(0)), order_id=5),
        order("o1", "5", day(0), payment_status=True),
        order("o1", "5", day(0), items={}),
        ticket_opened("t1", day(0), severity="4"),
        ticket_opened("t1", day(0), severity=4.5),
        ticket_opened("t1", day(0), severity=True),
        ticket_opened("t1", day(0), kind=4),
        survey(4.5, day(0)),
        survey("4", day(0)),
        survey(True, day(0)),
        profile(["name"], day(0)),
        profile("name", day(0)),
        consent("yes", day(0)),
        consent(1, day(0)),
        redeemed("5", day(0)),
        redeemed(5.5, day(0)),
        merged(5, day(0)),
    ],
)
def test_a_value_of_another_json_type_is_a_wrong_type(line: bytes) -> None:
    assert reason(line) == "wrong_type"


@pytest.mark.parametrize(
    "line",
    [
        survey(4.0, day(0)),
        ticket_opened("t1", day(0), severity=4e0),
        edited(viewed(day(0)), occurred_at=float(day_ms(0))),
        order("o1", 5, day(0), items=[{"sku": "S1", "quantity": 2.5, "unit_price": "1.25"}]),
        order("o1", 5, day(0), items=[{"unit_price": 1.25, "colour": [1]}, {}]),
    ],
)
def test_integers_are_known_by_value_not_by_how_they_are_written(line: bytes) -> None:
    assert reason(line) is None


def test_unknown_extra_fields_are_ignored_whatever_they_hold() -> None:
    extras: dict[str, Any] = {
        "trace": [1, {"a": None}],
        "order_id": 5,
        "score": "high",
        "amount": -1,
    }
    assert reason(viewed(day(0), event_id="e1", **extras)) is None


# invalid_customer_id, invalid_timestamp, from_the_future


@pytest.mark.parametrize(
    "customer", ["x" * 129, "a\nb", "\x00", "tab\t", "a\x7fb", "next\x85line", "\x9f"]
)
def test_an_id_too_long_or_with_a_control_character_is_no_customer_id(customer: str) -> None:
    assert reason(edited(viewed(day(0)), customer_id=customer)) == "invalid_customer_id"


@pytest.mark.parametrize(
    "customer", ["x" * 128, "é" * 128, "北京", " ", "a b", "\N{GRINNING FACE}"]
)
def test_any_other_text_up_to_128_characters_is_a_customer_id(customer: str) -> None:
    assert good(edited(viewed(day(0)), customer_id=customer)).customer_id == customer


@pytest.mark.parametrize(
    "at",
    [
        "2025-01-01T00:00:00",
        "2025-01-01 00:00:00Z",
        "2025-01-01T00:00:00+0800",
        "2025-01-01T00:00:60Z",
        "2025-02-30T00:00:00Z",
        "yesterday",
        "1735689600000",
        "1989-12-31T23:59:59.999Z",
        631_151_999_999,
        -1,
        0,
        -(10**40),
    ],
)
def test_a_time_without_offset_impossible_or_too_old_is_an_invalid_timestamp(at: Any) -> None:
    assert reason(viewed(at, event_id="e1")) == "invalid_timestamp"


@pytest.mark.parametrize(
    "at", ["1990-01-01T00:00:00Z", "1990-01-01T08:00:00+08:00", 631_152_000_000]
)
def test_the_first_possible_time_is_1990(at: Any) -> None:
    assert good(viewed(at)).occurred_ms == 631_152_000_000


def test_an_exponent_that_no_number_has_is_told_in_a_sentence() -> None:
    line = without(order("A1", 1, day(0)), "amount")[:-1] + b', "amount": 1e9999999999999999999}'
    assert decode(line) == Rejection("not_json", "a number has an exponent of more than 18 digits")


def test_the_first_possible_time_may_be_set() -> None:
    limits = Limits(min_event_ms=day_ms(5))
    found = decode(viewed(day(4)), None, limits)
    assert isinstance(found, Rejection)
    assert found.detail == f'occurred_at is before {day(5)}, got "{day(4)}"'
    assert not isinstance(decode(viewed(day(5)), None, limits), Rejection)


def test_a_time_later_than_the_limit_is_from_the_future() -> None:
    assert reason(viewed(day(100))) is None
    assert reason(viewed(day(100, 0, 0, 0, 1))) == "from_the_future"
    assert reason(viewed(10**40, event_id="e1")) == "from_the_future"


@pytest.mark.parametrize(
    "at", ["2025-01-01T00:00:00.0009Z", day_ms(0), "2025-01-01T08:00:00+08:00"]
)
def test_times_are_milliseconds_and_finer_is_cut_off(at: Any) -> None:
    assert good(viewed(at)).occurred_ms == day_ms(0)


# The order of reasons


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("missing_field", {"order_id": None}),
    ("unsupported_schema_version", {"schema_version": 2}),
    ("wrong_type", {"channel": 5}),
    ("invalid_customer_id", {"customer_id": "a\tb"}),
    ("invalid_timestamp", {"occurred_at": "never"}),
    ("from_the_future", {"occurred_at": day(200)}),
    ("invalid_amount", {"amount": "-5"}),
    ("unknown_currency", {"currency": "XXX"}),
    ("invalid_value", {"payment_status": "maybe"}),
]


@pytest.mark.parametrize("first", range(len(FAULTS)))
def test_the_first_reason_that_applies_is_given(first: int) -> None:
    """All faults from one on at once: the one that comes first in the list is the reason."""
    line = order("o1", "5", day(0))
    for _, change in reversed(FAULTS[first:]):
        line = edited(line, **change)
    driver = Driver(Policy(), limits=LIMITS)
    assert driver.reject(line) == FAULTS[first][0]


def test_an_unknown_type_goes_before_a_schema_version_and_after_a_missing_field() -> None:
    line = edited(viewed(day(0)), type="order.lost", schema_version=2)
    assert reason(line) == "unknown_type"
    assert reason(without(line, "event_id")) == "missing_field"


def test_a_type_of_another_topic_goes_after_an_unknown_one_and_before_a_schema_version() -> None:
    def reason_in(topic: Any, line: bytes) -> str | None:
        found = decode(line, limits=LIMITS, topic=topic)
        return found.reason if isinstance(found, Rejection) else None

    line = edited(order("o1", "5", day(0)), schema_version=2)
    assert reason_in("browse", line) == "wrong_topic"
    assert reason_in("browse", edited(line, type="order.lost")) == "unknown_type"
    assert reason_in("browse", without(line, "order_id")) == "missing_field"
    assert reason_in("orders", line) == "unsupported_schema_version"
    assert reason_in("orders", order("o1", "5", day(0))) is None


def test_the_fast_path_leaves_a_type_of_another_topic_to_the_full_decoder() -> None:
    line = order("o1", "5", day(0))
    assert raw_event(line, LIMITS, "orders") is not None
    assert raw_event(line, LIMITS, "support") is None


def test_a_conflict_comes_after_every_fault_of_the_record_itself() -> None:
    driver = Driver(Policy(), limits=LIMITS)
    driver.feed(order("o1", "5", day(0), event_id="e1"))
    assert driver.reject(order("o1", "6", day(0), event_id="e1")) == "conflict"
    for fault, change in FAULTS:
        assert driver.reject(edited(order("o1", "6", day(0), event_id="e1"), **change)) == fault


def test_an_erased_customer_comes_before_every_fault_that_the_engine_finds() -> None:
    driver = Driver(Policy(), limits=LIMITS)
    driver.feed(erased(day(0)))
    assert driver.reject(order("o1", "5", day(1))) == "erased_customer"
    found_by_the_engine = ("invalid_amount", "unknown_currency", "invalid_value")
    for fault, change in FAULTS:
        if "customer_id" not in change:
            wanted = "erased_customer" if fault in found_by_the_engine else fault
            assert driver.reject(edited(order("o1", "5", day(1)), **change)) == wanted


def test_the_reasons_are_those_of_the_contract_in_its_order() -> None:
    listed = """too_large not_json missing_field unknown_type wrong_topic
        unsupported_schema_version wrong_type invalid_customer_id invalid_timestamp from_the_future
        erased_customer invalid_amount unknown_currency invalid_value conflict
        processing_failed"""
    assert list(REASONS) == listed.split()


# What a dead letter says of itself


@pytest.mark.parametrize(
    ("line", "event_id"),
    [
        (without(viewed(day(0), event_id="e1"), "type"), "e1"),
        (viewed("never", event_id="x" * 128), "x" * 128),
        (viewed("never", event_id="x" * 129), None),
        (viewed("never", event_id=5), None),
        (viewed("never", event_id=""), None),
        (without(viewed("never"), "event_id"), None),
        (b"{", None),
    ],
)
def test_the_event_id_of_a_dead_letter_is_any_text_of_1_to_128_characters(
    line: bytes, event_id: str | None
) -> None:
    found = decode(line)
    assert isinstance(found, Rejection)
    assert found.event_id == event_id


def test_an_event_id_that_is_too_long_is_not_repeated_after_a_value_check() -> None:
    driver = Driver()
    driver.feed(viewed(day(0), event_id="x" * 129), order("o1", "-1", day(0), event_id="x" * 129))
    assert [(letter.reason, letter.event_id) for letter in driver.dead_letters] == [
        ("invalid_value", None),
        ("invalid_amount", None),
    ]


# One line of a record, for a dump


def test_a_record_of_one_line_is_its_own_line() -> None:
    assert as_line(viewed(day(0))) == viewed(day(0))


def test_a_record_of_several_lines_becomes_one_that_means_the_same() -> None:
    line = order("o1", 12.5, day(0), note="a\nb", huge=10**40)
    pretty = json.dumps(json.loads(line), indent=2).encode()
    one = as_line(pretty)
    assert b"\n" not in one
    assert good(one) == good(pretty) == good(line)


def test_a_record_that_is_no_json_becomes_one_line_too() -> None:
    assert as_line(b"not\njson\r\n") == b"not json  "
