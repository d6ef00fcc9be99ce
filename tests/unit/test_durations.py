"""Durations as operators write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import Duration, parse_duration


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250ms", 250),
        ("30s", 30_000),
        ("5m", 300_000),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("0", 0),
        ("300", 300_000),
        (300, 300_000),
        (" 5m ", 300_000),
        ("PT5M", 300_000),
        ("P1DT2H", 93_600_000),
        ("PT0.25S", 250),
        ("PT1H30M0.5S", 5_400_500),
    ],
)
def test_duration_is_read(text: object, ms: int) -> None:
    assert parse_duration(text).ms == ms


@pytest.mark.parametrize(
    "text",
    [
        *("", "m", "5 m", "-5m", "1.5h", "5M", "5min", "1h30m", "\u0665m"),
        *("P", "PT", "P1Y", "P1M", "P1DT", "PT0.0001S", "PT-5M"),
        *(-1, 1.5, True, None),
    ],
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="write for instance 250ms, 30s, 5m"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**11))
def test_what_a_duration_shows_reads_as_the_same_duration(ms: int) -> None:
    assert parse_duration(str(Duration(ms))) == Duration(ms)


def test_duration_shows_its_largest_whole_unit() -> None:
    shown = [str(Duration(ms)) for ms in (0, 1, 90_000, 300_000, 86_400_000)]
    assert shown == ["0s", "1ms", "90s", "5m", "1d"]
