"""The breaker against a naive recomputation over the whole past."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest.breaker import Bounds, Breaker, Trip

BOUNDS = st.builds(
    Bounds,
    st.none() | st.integers(0, 6),
    st.none() | st.integers(0, 6),
    st.integers(1, 12),
)
REASONS = st.sampled_from([None, "not_json", "wrong_type"])
"""What is wrong with a record; nothing with a good one."""


def fed(bounds: Bounds, reasons: list[str | None]) -> Trip | None:
    """The trip of a breaker that is given records at offsets 0, 10, 20 and so on."""
    breaker = Breaker(bounds)
    for number, reason in enumerate(reasons):
        if reason is None:
            breaker.taken += 1
        elif trip := breaker.bad(number * 10, reason):
            return trip
    return None


def naive(bounds: Bounds, reasons: list[str | None]) -> tuple[int, int, Counter[str]] | None:
    """Offset, first offset and reasons of the first trip, each record looked at anew."""
    for number in range(len(reasons)):
        past = list(enumerate(reasons[: number + 1]))
        row = list(takewhile(lambda told: told[1] is not None, reversed(past)))
        window = [told for told in past[-bounds.window :] if told[1] is not None]
        for counted, most in ((row, bounds.in_a_row), (window, bounds.in_window)):
            if reasons[number] is not None and most is not None and len(counted) > most:
                numbers = [told[0] for told in counted]
                found = Counter(told[1] for told in counted if told[1] is not None)
                return number * 10, min(numbers) * 10, found
    return None


@given(bounds=BOUNDS, reasons=st.lists(REASONS, max_size=60))
def test_it_trips_where_a_count_over_the_whole_past_does(
    bounds: Bounds, reasons: list[str | None]
) -> None:
    trip = fed(bounds, reasons)
    found = None if trip is None else (trip.offset, trip.first_offset, trip.reasons)
    assert found == naive(bounds, reasons)


@given(reasons=st.lists(REASONS, max_size=60))
def test_without_bounds_it_never_trips(reasons: list[str | None]) -> None:
    assert fed(Bounds(), reasons) is None


def test_a_good_record_in_between_begins_the_row_anew() -> None:
    bounds = Bounds(in_a_row=2)
    assert fed(bounds, ["not_json", "not_json", None, "not_json", "not_json"]) is None
    assert fed(bounds, [None, "not_json", "wrong_type", "not_json"]) == Trip(
        offset=30,
        first_offset=10,
        bound="3 bad records in a row, at most 2 may be",
        reasons=Counter(not_json=2, wrong_type=1),
    )


@pytest.mark.parametrize(("apart", "trips"), [(2, True), (5, False)])
def test_bad_records_far_enough_apart_do_not_add_up(apart: int, *, trips: bool) -> None:
    reasons = [None if number % apart else "not_json" for number in range(100)]
    assert (fed(Bounds(in_window=3, window=10), reasons) is not None) is trips


def test_the_first_bad_records_of_a_partition_trip_nothing() -> None:
    """A share of a window is a number, the same while the window is not full."""
    assert fed(Bounds(in_window=5, window=10), ["not_json"] * 5) is None
    assert fed(Bounds(in_window=5, window=10), ["not_json"] * 6) is not None
