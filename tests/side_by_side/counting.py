"""What an application got wrong: its figures and its tier changes against the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.side_by_side.orders import Change, Figures, Truth, tier_of, times_counted


class Counts(NamedTuple):
    """How much is wrong; all 0 where nothing is."""

    orders_lost: int
    """In no customer's figures."""
    orders_twice: int
    """Times an order was counted after the first."""
    customers_wrong: int
    """With other figures than they have."""
    customers_rolled_back: int
    """Of those wrong: an earlier record of their state had more orders than the last."""
    customers_in_wrong_tier: int
    changes_missing: int
    changes_repeated: int
    changes_wrong: int
    """Told, and never true: from or to a tier in another step than the customer took."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self)


def count(
    truth: Truth,
    figures: Mapping[str, Figures],
    most_orders: Mapping[str, int],
    told: Mapping[str, Sequence[Change]],
) -> Counts:
    """Compare.

    Args:
        truth: of the input.
        figures: of each customer, as a fresh worker restores them.
        most_orders: the greatest number of orders that any record of a customer's state had.
        told: tier changes as a consumer gets them, with all that the application gives it to tell
            repetitions.
    """
    nothing = Figures(0, 0)
    lost = twice = wrong = rolled_back = in_wrong_tier = 0
    for customer_id, right in truth.figures.items():
        found = figures.get(customer_id, nothing)
        if found == right:
            continue
        wrong += 1
        rolled_back += most_orders.get(customer_id, 0) > found.frequency
        in_wrong_tier += tier_of(found.frequency) != tier_of(right.frequency)
        for due, times in zip(
            times_counted(right.monetary_minor), times_counted(found.monetary_minor), strict=True
        ):
            lost += due > times
            twice += max(0, times - due)
    wrong += len(figures.keys() - truth.figures.keys())
    return Counts(lost, twice, wrong, rolled_back, in_wrong_tier, *_changes(truth, told))


def _changes(truth: Truth, told: Mapping[str, Sequence[Change]]) -> tuple[int, int, int]:
    missing = repeated = wrong = 0
    for customer_id in truth.changes.keys() | told.keys():
        right = set(truth.changes.get(customer_id, ()))  # nobody takes the same step twice
        found = Counter(told.get(customer_id, ()))
        missing += len(right - found.keys())
        repeated += sum(found[change] - 1 for change in right & found.keys())
        wrong += sum(times for change, times in found.items() if change not in right)
    return missing, repeated, wrong
