"""The details of dead letters: field, what was found, what is expected."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.decode.decode import Limits
from handlers.reasons import Rejection
from handlers.state.formats import NEWEST
from scoring.timestamps import rfc3339
from tests.builders import (
    consent,
    day,
    day_ms,
    edited,
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
ORDER = order("o1", "5", day(0))
NO_TIME = "occurred_at is no RFC 3339 time with an offset, such as 2025-12-31T08:00:00Z, got "


def letter(*lines: bytes) -> Rejection:
    """The dead letter of the last line."""
    driver = Driver(limits=LIMITS, format_number=NEWEST)
    driver.feed(*lines)
    return driver.dead_letters[-1]


def detail(*lines: bytes) -> str:
    return letter(*lines).detail


@pytest.mark.parametrize(
    ("at", "ending"),
    [
        ("2025-01-01T00:00:00", "; it has no offset such as Z or +08:00"),
        ("2025-01-01T00:00:00.5", "; it has no offset such as Z or +08:00"),
        ("2025-01-01T00:00:00+08", "; its offset has no minutes, such as +08:00"),
        ("2025-01-01T00:00:00+0800", "; its offset has no colon, such as +08:00"),
        ("2025-01-01 00:00:00Z", "; there is a blank in the place of the T"),
        ("2025-01-01", "; it is a date without a time"),
        ("1735689600000", "; milliseconds since 1970 are a number, not a text"),
        ("2025-02-30T00:00:00Z", "; there is no such time"),
        ("2025-01-01T23:59:60Z", "; there is no such time"),
        ("soon", ""),
    ],
)
def test_a_text_that_is_no_time_is_shown_with_what_is_wrong(at: str, ending: str) -> None:
    assert detail(viewed(at)) == f'{NO_TIME}"{at}"{ending}'


@pytest.mark.parametrize(
    ("found", "unit", "instant_ms"),
    [
        (1_735_689_600, "seconds", day_ms(0)),
        (631_152_000, "seconds", 631_152_000_000),
        (1_735_689_600_500_000, "microseconds", day_ms(0, 0, 0, 0, 500)),
        (1_735_689_600_500_000_000, "nanoseconds", day_ms(0, 0, 0, 0, 500)),
    ],
)
def test_a_number_of_another_unit_is_told_as_the_time_it_would_be(
    found: int, unit: str, instant_ms: int
) -> None:
    assert detail(viewed(found)).endswith(
        f"; milliseconds are expected, and as {unit} it would be {rfc3339(instant_ms)}"
    )


def test_seconds_with_a_fraction_are_told_too() -> None:
    assert detail(viewed(1_735_689_600.5)) == (
        "occurred_at must be an integer, got 1735689600.5; milliseconds are expected, and as "
        f"seconds it would be {day(0, 0, 0, 0, 500)}"
    )


@pytest.mark.parametrize("found", [-1, 0, 86_400, -(10**30), 10**30])
def test_a_number_that_is_a_time_in_no_unit_has_no_such_hint(found: int) -> None:
    assert "milliseconds" not in detail(viewed(found))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (without(ORDER, "order_id"), "order_id is missing"),
        (edited(ORDER, order_id=None), "order_id is missing: it is null"),
        (edited(ORDER, order_id=""), "order_id is missing: it is an empty text"),
        (edited(ORDER, type=None), "type is missing: it is null"),
        (edited(ORDER, type="order.place"), 'the type "order.place"; order.placed is one'),
        (edited(ORDER, type="xyz"), 'no event has the type "xyz"'),
        (edited(ORDER, type=5), "type must be a text such as order.placed, got 5"),
        (edited(ORDER, customer_id="x" * 129), "129 characters in"),
        (edited(ORDER, customer_id="a\x7fb"), 'a control character in "a\\u007fb"'),
        (edited(ORDER, amount=True), "amount must be a decimal text or a number, got true"),
        (edited(ORDER, amount=["5"]), "amount must be a decimal text or a number, got a list"),
        (edited(ORDER, amount={}), "amount must be a decimal text or a number, got an object"),
        (edited(ORDER, amount="ten"), 'decimals, got "ten", which is no plain decimal'),
        (edited(ORDER, amount="-5"), 'from 0, with at most 2 decimals, got "-5"'),
        (edited(ORDER, amount=5.125), "with at most 2 decimals, got 5.125"),
        (edited(ORDER, currency="X" * 99), f'no rate for "{"X" * 40}"…, it counts in USD'),
        (edited(ORDER, payment_status="Paid"), 'must be one of pending, paid, failed, got "Paid"'),
        (refund("o9", "1.00001", day(0)), 'got "1.00001"'),
        (ticket_opened("t1", day(0), severity=9), "severity must be 1 to 5, got 9"),
        (survey(11, day(0)), "score"),
        (redeemed(0, day(0)), "points must be 1 to 1000000000000, got 0"),
        (viewed(day(0), session_id=""), "session_id must have 1 to 128 characters"),
        (viewed(day(0), session_id="x" * 129), "session_id has 129 characters, at most 128"),
        (consent("yes", day(0)), 'marketing must be true or false, got "yes"'),
        (
            edited(consent(True, day(0)), channels={"sms": "yes"}),
            """channels must have true or false for 'sms', got "yes\"""",
        ),
        (edited(ORDER, occurred_at=[1]), "must be an RFC 3339 time or an integer, got a list"),
        (profile("Ana", day(0)), 'attributes must be an object, got "Ana"'),
        (edited(ORDER, occurred_at=day(200)), f"occurred_at {day(200)} has not come yet"),
        (b'{"type": "\xff"}', "not UTF-8: byte 0xff at position 10"),
        (b'{"type": "\\ud800 and more"}', "surrogate pair"),
        (b"[]", "not a JSON object, but a list"),
        (b"null", "not a JSON object, but null"),
        (b'{"type": NaN}', '(byte 9), at "NaN}"; NaN and infinity are no JSON'),
        (b'{"a": -Infinity}', '(byte 7), at "Infinity}"; NaN and infinity are no JSON'),
        (b"{'a': 1}", """(byte 1), at "'a': 1}\""""),
        (b'{"a": 1', "JSON is truncated: it ends after 7 bytes"),
    ],
)  # fmt: skip
def test_a_detail_names_the_field_and_shows_what_was_found(line: bytes, expected: str) -> None:
    assert expected in detail(line)


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ({"event_id": "e1", "amount": "6"}, 'event_id: "e1" came before with other content'),
        ({"event_id": "e2", "amount": "6"}, 'order_id: "o1" came before with another amount'),
    ],
)
def test_a_conflict_names_what_came_before(again: dict[str, Any], expected: str) -> None:
    found = letter(edited(ORDER, event_id="e1"), edited(ORDER, **again))
    assert (found.reason, expected in found.detail) == ("conflict", True)


def test_what_is_found_is_shortened() -> None:
    assert detail(edited(ORDER, channel=10**60)).endswith(f"got 1{'0' * 39}…")
    assert detail(edited(ORDER, payment_status="x" * 500)).endswith(f'got "{"x" * 40}"…')


def test_no_detail_has_a_name_of_pythons() -> None:
    driver = Driver(limits=LIMITS, format_number=NEWEST)
    odd: list[Any] = [None, True, 5, -1, 1e400, 1e-400, "", "x" * 200, [], {}, "\ud800", 10**400]
    for name in ("type", "event_id", "customer_id", "occurred_at", "amount", "currency", "items"):
        for value in odd:
            driver.feed(edited(ORDER, **{name: value}))
    for text in (b"\xff", b"{", b'{"a":1e99999999999999999999}', b"nan", b"[" * 5_000, b""):
        driver.feed(text)
    assert len(driver.dead_letters) > 40
    for found in driver.dead_letters:
        for word in ("class", "Error", "Exception", "object at", "codec", "NoneType", "Decimal("):
            assert word not in found.detail, found
