"""Counts over whole business days of a rolling window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scoring.bounded.rolling_counts import DayCounts


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), max_size=60), st.integers(1, 9))
def test_it_counts_what_a_list_of_all_days_counts(told: list[tuple[int, int]], window: int) -> None:
    """Each event some days later than the one before, told of so many days late."""
    found, all_days, today = DayCounts(), [], 100
    for step, late in told:
        today += step
        found.add(today - late, today - window)
        all_days.append(today - late)
        horizon = today - window
        shown = [day for day, count in found.since(horizon) for _ in range(count)]
        assert shown == sorted(day for day in all_days if day > horizon)
        assert len(found.days) <= window
    assert found.ever == len(all_days)


def test_without_a_window_only_ever_is_kept() -> None:
    found = DayCounts()
    for day in range(5):
        found.add(day, day)
    assert (found.ever, found.days, found.counts) == (5, [], [])
