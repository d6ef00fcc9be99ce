"""Decayed weights in integers, and the heaviest names in bounded memory."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.bounded.decayed_topk import CAPACITY, Sketch, new_sketch

TODAY = 20_000


def sketch(*told: tuple[str, int, int], half_life_days: int = 30) -> Sketch:
    """From (name, weight, day) in this order."""
    found = new_sketch(half_life_days, told[0][2])
    for name, weight, day in told:
        found.add(name, weight, day)
    return found


def test_today_a_weight_is_what_it_is() -> None:
    assert sketch(("a", 5, TODAY), ("a", 2, TODAY)).weight_on("a", TODAY) == 7


@pytest.mark.parametrize("half_lives", [1, 2, 7])
def test_after_each_half_life_it_is_exactly_half(half_lives: int) -> None:
    found = sketch(("a", 5, TODAY))
    assert found.weight_on("a", TODAY + 30 * half_lives) == Fraction(5, 2**half_lives)


def test_in_between_it_falls_smoothly() -> None:
    """Within a thousandth of 2^(-days / half-life)."""
    found = sketch(("a", 1, TODAY), half_life_days=7)
    for days in range(40):
        assert float(found.weight_on("a", TODAY + days)) == pytest.approx(
            2 ** (-days / 7), rel=2e-3
        )


@given(st.integers(1, 366), st.integers(0, 40_000))
def test_a_weight_never_grows_with_time(half_life_days: int, day: int) -> None:
    found = sketch(("a", 3, day), half_life_days=half_life_days)
    assert found.weight_on("a", day + 1) <= found.weight_on("a", day)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.integers(1, 9), st.integers(TODAY, TODAY + 200)),
        min_size=1,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_does_not_matter(
    told: list[tuple[str, int, int]], random: Random
) -> None:
    first = min(told, key=lambda each: each[2])
    others = list(told)
    others.remove(first)
    shuffled = random.sample(others, len(others))
    one, two = sketch(first, *others), sketch(first, *shuffled)
    last = TODAY + 300
    assert one.heaviest(5) == two.heaviest(5)
    assert all(one.weight_on(n, last) == two.weight_on(n, last) for n in one.weights)


def test_time_alone_never_changes_the_order_of_names() -> None:
    found = sketch(("old", 9, TODAY), ("new", 5, TODAY + 30))
    assert found.heaviest(2) == ["new", "old"]
    assert found.weight_on("old", TODAY + 30) == Fraction(9, 2)


def test_of_equal_weights_the_first_by_code_points_comes_first() -> None:
    assert sketch(("b", 1, TODAY), ("a", 1, TODAY), ("c", 2, TODAY)).heaviest(2) == ["c", "a"]


@given(st.integers(1, 50), st.integers(1, 90), st.sampled_from(["0.001", "0.5", "1", "3.25"]))
def test_a_threshold_is_lost_on_the_first_day_below_it(
    weight: int, half_life_days: int, text: str
) -> None:
    found, least = sketch(("a", weight, TODAY), half_life_days=half_life_days), Fraction(text)
    light_from = found.light_from("a", least)
    if weight < least:
        assert light_from <= TODAY
    else:
        assert found.weight_on("a", light_from) < least <= found.weight_on("a", light_from - 1)


def test_a_late_weight_enters_at_its_own_day() -> None:
    late = sketch(("a", 1, TODAY), ("b", 4, TODAY - 60))
    assert late.weight_on("b", TODAY) == 1


def test_a_weight_from_long_before_the_first_is_rounded_down() -> None:
    late = sketch(("a", 1, TODAY), ("b", 1, TODAY - 30 * 40))
    assert late.weight_on("b", TODAY) == 0


def test_numbers_stay_small_over_a_long_life() -> None:
    """A hundred years at the heaviest; what is lost by rounding is less than a thousandth."""
    found = new_sketch(1, 0)
    for day in range(36_500):
        found.add("a", 100, day)
        found.add("b", 1, day)
        assert found.weights["a"].total < 2**50
    exact = sum(Fraction(100, 2**age) for age in range(100))
    assert abs(found.weight_on("a", 36_499) - exact) < Fraction(1, 1000)


def test_what_weighs_nothing_any_more_goes_when_numbers_are_brought_down() -> None:
    found = sketch(("old", 1, TODAY), ("new", 1, TODAY + 1_000), half_life_days=1)
    found.add("new", 1, TODAY + 1_030)
    assert list(found.weights) == ["new"]


# More names than there is room for


def draws(seed: int, names: int, count: int) -> list[tuple[str, int, int]]:
    """Names by Zipf's law over some days."""
    random = Random(seed)
    ranks = range(1, names + 1)
    chosen = random.choices(ranks, [1 / rank for rank in ranks], k=count)
    return [(f"n{rank:04}", 1, TODAY + place // 50) for place, rank in enumerate(chosen)]


@pytest.mark.parametrize("seed", range(10))
def test_the_error_is_within_the_stated_bound_and_heavy_names_are_kept(seed: int) -> None:
    told = draws(seed, names=500, count=2_000)
    found, last = sketch(*told), TODAY + 50
    true: dict[str, Fraction] = {}
    for name, weight, day in told:
        alone = sketch((name, weight, day))
        true[name] = true.get(name, Fraction(0)) + alone.weight_on(name, last)
    bound = sum(true.values()) / CAPACITY
    assert len(found.weights) == CAPACITY
    for name in found.weights:
        shown = found.weight_on(name, last)
        assert true[name] <= shown <= true[name] + found.error_on(name, last)
        assert found.error_on(name, last) <= bound
    heavy = {name for name, weight in true.items() if weight > bound}
    assert heavy
    assert heavy <= set(found.weights)


def test_up_to_the_capacity_nothing_is_approximate() -> None:
    told = draws(3, names=CAPACITY, count=500)
    assert all(weight.error == 0 for weight in sketch(*told).weights.values())
