"""Times are RFC 3339 to the letter; the form in which they go out."""

from __future__ import annotations

from datetime import date

import pytest

from scoring.timestamps import parse_date, parse_rfc3339, rfc3339

NOON_MS = 1_735_732_800_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2025-01-01T12:00:00Z", NOON_MS),
        ("2025-01-01t12:00:00z", NOON_MS),
        ("2025-01-01T12:00:00+00:00", NOON_MS),
        ("2025-01-01T12:00:00-00:00", NOON_MS),
        ("2025-01-01T20:00:00+08:00", NOON_MS),
        ("2025-01-01T06:30:00-05:30", NOON_MS),
        ("2025-01-01T12:00:00.5Z", NOON_MS + 500),
        ("2025-01-01T12:00:00.007Z", NOON_MS + 7),
        ("2025-01-01T12:00:00.1239999Z", NOON_MS + 123),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ],
)
def test_what_rfc_3339_allows_is_read(text: str, ms: int) -> None:
    assert parse_rfc3339(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01T12:00:00",
        "2025-01-01 12:00:00Z",
        "2025-01-01T12:00:00+0800",
        "2025-01-01T12:00:00+08",
        "2025-01-01T12:00:60Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T12:60:00Z",
        "2025-01-01T12:00:00+24:00",
        "2025-01-01T12:00:00+08:60",
        "2025-01-01T12:00Z",
        "2025-01-01T12:00:00.Z",
        "2025-01-01T12:00:00,5Z",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2025-1-1T12:00:00Z",
        " 2025-01-01T12:00:00Z",
        "2025-01-01T12:00:00Z\n",
        "20250101T120000Z",
        "٢٠٢٥-01-01T12:00:00Z",
        "1735732800000",
        "",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    assert parse_rfc3339(text) is None


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOON_MS + 7, "2025-01-01T12:00:00.007Z"),
        (NOON_MS + 999, "2025-01-01T12:00:00.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_times_go_out_in_utc_with_milliseconds(ms: int, text: str) -> None:
    assert rfc3339(ms) == text
    assert parse_rfc3339(text) == ms


def test_beyond_the_calendar_stands_its_last_instant() -> None:
    assert rfc3339(10**18) == "9999-12-31T23:59:59.999Z"


def test_a_date_is_four_two_and_two_digits() -> None:
    assert parse_date("1990-12-31") == date(1990, 12, 31)


@pytest.mark.parametrize(
    "text", ["1990-02-30", "19901231", "1990-W01-1", "1990-12-3", "31.12.1990", "1990-12-31T", ""]
)
def test_anything_else_is_no_date(text: str) -> None:
    assert parse_date(text) is None
