"""Digits, score and segment."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import pytest

from scoring.policy import Policy, Weights
from scoring.rfm import SEGMENTS, Rfm
from scoring.rfm import compute_rfm as compute_with_ever
from scoring.rules import Rules


def compute_rfm(rules: Rules, recency_days: int, frequency: int, monetary: int) -> Rfm:
    """RFM of a customer all of whose orders are in the window."""
    return compute_with_ever(rules, recency_days, frequency, monetary, frequency, monetary)


RULES = Rules(Policy())
"""Cut-offs: 30, 60, 120, 240 days; 2, 4, 8, 16 orders; 50, 150, 400, 1000 dollars."""


@pytest.mark.parametrize(
    ("days", "r"),
    [(0, 5), (30, 5), (31, 4), (60, 4), (61, 3), (120, 3), (121, 2), (240, 2), (241, 1), (9999, 1)],
)
def test_r_falls_by_one_with_each_cutoff_that_is_passed(days: int, r: int) -> None:
    assert compute_rfm(RULES, days, 1, 0).r == r


@pytest.mark.parametrize(
    ("orders", "f"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (15, 4), (16, 5)]
)
def test_f_rises_by_one_with_each_cutoff_that_is_reached(orders: int, f: int) -> None:
    assert compute_rfm(RULES, 0, orders, 0).f == f


@pytest.mark.parametrize(
    ("cents", "m"),
    [(0, 1), (4_999, 1), (5_000, 2), (14_999, 2), (15_000, 3), (40_000, 4), (100_000, 5)],
)
def test_m_rises_by_one_with_each_cutoff_that_is_reached(cents: int, m: int) -> None:
    assert compute_rfm(RULES, 0, 1, cents).m == m


def score(weights: Weights, r_days: int, orders: int, cents: int) -> int:
    return compute_rfm(Rules(Policy(weights=weights)), r_days, orders, cents).score


def test_the_score_goes_from_0_to_100() -> None:
    assert compute_rfm(RULES, 9999, 0, 0).score == 0
    assert compute_rfm(RULES, 0, 16, 100_000).score == 100


def test_the_score_is_rounded_down() -> None:
    """Digits 5, 1 and 2 give 100 * 5 / 12 = 41.67."""
    assert compute_rfm(RULES, 0, 1, 12_000).score == 41


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (Weights("1", "0", "0"), 100),
        (Weights("0", "1", "0"), 0),
        (Weights("0", "0", "1"), 25),
        (Weights("2", "1", "1"), 56),
        (Weights("0.5", "0.25", "0.25"), 56),
        (Weights("0.1", "0.1", "0.1"), 41),
    ],
)
def test_weights_shape_the_score_exactly(weights: Weights, expected: int) -> None:
    assert score(weights, 0, 1, 12_000) == expected


def test_the_score_is_exact_where_floats_are_not() -> None:
    """Digits 2, 5 and 2 are half of what can be had; as floats they come to 49.99."""
    assert score(Weights("0.1", "0.1", "0.1"), 121, 16, 5_000) == 50


@pytest.mark.parametrize(
    ("days", "orders", "cents", "segment"),
    [
        (0, 16, 100_000, "Champions"),
        (0, 1, 1_999, "New Customers"),
        (0, 4, 112_000, "Need Attention"),
        (271, 2, 56_000, "At Risk"),
    ],
)
def test_a_segment_is_the_customary_name_of_the_three_digits(
    days: int, orders: int, cents: int, segment: str
) -> None:
    assert compute_rfm(RULES, days, orders, cents).segment == segment


def test_every_code_has_a_segment() -> None:
    codes = {100 * r + 10 * f + m for r, f, m in product(range(1, 6), repeat=3)}
    assert set(SEGMENTS) == codes
    assert all(SEGMENTS.values())


def test_segments_are_those_of_the_table() -> None:
    table = Path(__file__).parents[2] / "scoring" / "rfm_segments.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = {int(row["rfm"]): row["segment"] for row in csv.DictReader(file)}
    assert rows == SEGMENTS
