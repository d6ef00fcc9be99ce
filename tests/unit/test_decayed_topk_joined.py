"""Weights of two customers added: exact while there is room, else within their noted errors."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.bounded.decayed_topk import CAPACITY, Sketch, new_sketch

TODAY = 20_000
HALF_LIFE = 30

Told = list[tuple[str, int, int]]
"""Name, weight, business day."""


def sketch(told: Told) -> Sketch:
    found = new_sketch(HALF_LIFE, told[0][2])
    for name, weight, day in told:
        found.add(name, weight, day)
    return found


def exactly(told: Told) -> Counter[str]:
    """What each name weighs, as the sum of what each word about it weighs alone."""
    weights: Counter[str] = Counter()
    for name, weight, day in told:
        weights[name] += sketch([(name, weight, day)]).weight_on(name, TODAY)  # type: ignore[assignment]
    return weights


def random_told(random: Random, names: int, days: int) -> Told:
    return [
        (f"n{random.randrange(names)}", random.randint(1, 9), TODAY - random.randrange(days))
        for _ in range(random.randint(1, 200))
    ]


def rounded_off(day_of_landmark: int) -> Fraction:
    """Less than one on the scale of the later landmark, in weights of today."""
    return 1 / Fraction(sketch([("x", 1, day_of_landmark)])._scale(TODAY))


@given(st.randoms(use_true_random=False))
def test_of_few_names_weights_are_exact_however_they_were_split(random: Random) -> None:
    told = random_told(random, names=16, days=90)
    halves: tuple[Told, Told] = ([("n0", 1, TODAY - 90)], [("n0", 1, TODAY - 90)])
    for each in told:
        random.choice(halves).append(each)
    own, other = sketch(halves[0]), sketch(halves[1])
    own.join(other)
    expected = exactly(halves[0] + halves[1])
    assert {name: own.weight_on(name, TODAY) for name in own.weights} == expected
    assert all(weight.error == 0 for weight in own.weights.values())


@given(st.randoms(use_true_random=False), st.integers(1, 90), st.integers(1, 400))
def test_a_weight_is_never_below_the_truth_and_above_it_by_at_most_its_error(
    random: Random, days: int, other_days: int
) -> None:
    """But for what the later of two scales rounds off of each side."""
    sides = random_told(random, 80, days), random_told(random, 80, other_days)
    own, other = sketch(sides[0]), sketch(sides[1])
    own.join(other)
    truth = exactly(sides[0] + sides[1])
    unit = rounded_off(max(sides[0][0][2], sides[1][0][2]))
    heaviest_dropped = min(own.weight_on(name, TODAY) for name in own.weights)
    assert len(own.weights) <= CAPACITY
    for name, weight in truth.items():
        if name not in own.weights:
            assert weight <= heaviest_dropped + unit
            continue
        found, error = own.weight_on(name, TODAY), own.error_on(name, TODAY)
        assert weight - unit <= found <= weight + error


@given(st.randoms(use_true_random=False), st.integers(2, 6))
@pytest.mark.slow
@pytest.mark.always
def test_after_any_number_of_merges_no_error_passes_a_share_of_all_weights(
    random: Random, merges: int
) -> None:
    """The sum of all weights by the number of names kept, as for a single customer."""
    all_told = random_told(random, 100, 60)
    found = sketch(all_told)
    for _ in range(merges):
        more = random_told(random, 100, 60)
        found.join(sketch(more))
        all_told += more
        for name, weight, day in random_told(random, 100, 60)[:20]:
            found.add(name, weight, day)
            all_told.append((name, weight, day))
    limit = sum(exactly(all_told).values(), Fraction(0)) / CAPACITY
    assert all(found.error_on(name, TODAY) <= limit for name in found.weights)
    assert all(
        name in found.weights for name, weight in exactly(all_told).items() if weight > limit + 1
    )


def test_the_side_whose_scale_is_younger_decides_and_the_result_is_the_same_either_way() -> None:
    old, young = [("a", 4, TODAY - 300)], [("a", 2, TODAY), ("b", 1, TODAY)]
    one, other = sketch(old), sketch(young)
    one.join(sketch(young))
    other.join(sketch(old))
    assert (one.landmark, one.weights) == (other.landmark, other.weights)
    assert one.weight_on("a", TODAY) == 2 + Fraction(4, 2**10)


def test_what_weighs_nothing_on_the_younger_scale_is_forgotten() -> None:
    own = sketch([("a", 1, TODAY)])
    own.join(sketch([("b", 9, TODAY - 100 * HALF_LIFE)]))
    assert list(own.weights) == ["a"]
