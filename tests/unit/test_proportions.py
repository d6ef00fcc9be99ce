"""Intervals of shares, against published numbers and by simulation."""

from __future__ import annotations

from random import Random

import pytest

from scoring.confidence import Count, Interval, difference, wilson, z_of


def rounded(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (round(interval.low, 4), round(interval.high, 4))


def test_the_quantile_of_95_percent_is_the_usual_one() -> None:
    assert round(z_of(0.95), 4) == 1.96


@pytest.mark.parametrize(
    ("hits", "size", "expected"),
    [
        # R. G. Newcombe, Two-sided Confidence Intervals for the Single Proportion: Comparison of
        # Seven Methods, Stat. Med. 17 (1998) 857-872, table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (29, 29, (0.8830, 1.0)),
    ],
)
def test_wilsons_interval_is_the_published_one(
    hits: int, size: int, expected: tuple[float, float]
) -> None:
    assert rounded(wilson(Count(hits, size), 0.95)) == pytest.approx(expected, abs=0.00011)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Newcombe, Comparison of Eleven Methods (1998), table II, method 10.
        (Count(56, 70), Count(48, 80), (0.0524, 0.3339)),
        (Count(9, 10), Count(3, 10), (0.1705, 0.8090)),
        (Count(5, 56), Count(0, 29), (-0.0381, 0.1926)),
        (Count(0, 10), Count(0, 10), (-0.2775, 0.2775)),
        (Count(10, 10), Count(0, 10), (0.6075, 1.0)),
    ],
)
def test_newcombes_interval_is_the_published_one(
    first: Count, second: Count, expected: tuple[float, float]
) -> None:
    assert rounded(difference(first, second, 0.95)) == pytest.approx(expected, abs=0.00011)


def test_by_hand_with_a_quantile_of_2() -> None:
    """z = 2 and 5 of 16: middle (5 + 2) / 20, reach sqrt(4 (5 * 11 / 16 + 1)) / 20."""
    confidence = 0.954499736103642
    assert round(z_of(confidence), 9) == 2
    reach = (4 * (5 * 11 / 16 + 1)) ** 0.5 / 20
    found = wilson(Count(5, 16), confidence)
    assert found == pytest.approx((0.35 - reach, 0.35 + reach))


def test_of_an_empty_group_nothing_is_known() -> None:
    assert wilson(Count(0, 0), 0.95) is None
    assert difference(Count(1, 2), Count(0, 0), 0.95) is None
    assert Count(0, 0).share is None


def test_the_order_of_the_groups_turns_the_sign() -> None:
    one, two = Count(30, 90), Count(4, 40)
    there, back = difference(one, two, 0.9), difference(two, one, 0.9)
    assert there is not None
    assert back is not None
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@pytest.mark.parametrize(("p1", "p2"), [(0.3, 0.2), (0.05, 0.05), (0.9, 0.6)])
def test_the_interval_covers_the_true_difference_about_as_often_as_it_says(
    p1: float, p2: float
) -> None:
    """Unequal groups as in a holdout of a tenth; 2,000 draws, a standard error of half a point."""
    random = Random(11)
    covered = 0
    for _ in range(2_000):
        one = Count(sum(random.random() < p1 for _ in range(180)), 180)
        two = Count(sum(random.random() < p2 for _ in range(20)), 20)
        found = difference(one, two, 0.95)
        assert found is not None
        covered += found.low <= p1 - p2 <= found.high
    assert 0.93 <= covered / 2_000 <= 0.99
