"""Nothing is lost by merges: whatever was accepted counts for exactly one customer in the end."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from handlers.events import CustomerErased, OrderPlaced
from handlers.merge.forwarding import Transfer
from handlers.state.customer import Customer
from tests.simulator.fold import Fold
from tests.simulator.forwarding import place_of, target_of


class Keeper(NamedTuple):
    """Who has what was accepted, from a position of a partition of the log on."""

    number: int
    position: int
    customer_id: str


class Placed(NamedTuple):
    """An order that was told of a customer."""

    event: OrderPlaced
    may_be_change: bool
    """Its customer was erased by retention at the very record: by the orders it had until then, it
    may have been the payment of one of them."""


class _Lost(Exception):
    """Something has no end."""


def check_custody(folds: Mapping[int, Fold]) -> Iterator[str]:
    """Each accepted event has one keeper, and each keeper has its orders and no others."""
    custody = _Custody(folds)
    orders: dict[tuple[int, str], list[Placed]] = defaultdict(list)
    for number, fold in folds.items():
        for position, (customer_id, event) in fold.accepted.items():
            try:
                keeper = custody.last(Keeper(number, position, customer_id))
            except _Lost as lost:
                yield f"{event.event_id} of {customer_id} is lost: {lost}"
                continue
            if keeper is not None and isinstance(event, OrderPlaced):
                retirements = fold.retirements.get(customer_id, [])
                may_be_change = any(position == each.position for each in retirements)
                placed = Placed(event, may_be_change)
                orders[keeper.number, keeper.customer_id].append(placed)
    # An order may have left the window in a partition that was ahead of the one it came to.
    newest_ms = max(fold.partition.meta.clock_ms for fold in folds.values())
    for number, fold in folds.items():
        for customer_id in fold.partition.store.ids():
            customer = fold.partition.store.get(customer_id)
            assert customer is not None
            if not customer.is_gone:
                told = orders[number, customer_id]
                yield from _check_orders(fold, customer, told, newest_ms)


class _Custody:
    """Who has what, and where customers leave: at each such position with all that came by then."""

    def __init__(self, folds: Mapping[int, Fold]) -> None:
        self._folds = folds
        self._leaves: dict[tuple[int, str], list[int]] = defaultdict(list)
        self._erasures: set[tuple[int, str, int]] = set()
        for number, fold in folds.items():
            for position, passed in fold.passed.items():
                forwarded = passed.forwarded
                if (
                    isinstance(forwarded, Transfer)
                    and len(forwarded.via) == 1
                    and forwarded.back is None
                ):
                    self._leaves[number, forwarded.customer_id].append(position)
            for position, (customer_id, event) in fold.accepted.items():
                if isinstance(event, CustomerErased):
                    self._erase(number, customer_id, position)
            for customer_id, retirements in fold.retirements.items():
                for position, comes_back in retirements:
                    # The record by which somebody comes back counts for the time after.
                    self._erase(number, customer_id, position - comes_back)
        for positions in self._leaves.values():
            positions.sort()

    def _erase(self, number: int, customer_id: str, position: int) -> None:
        self._leaves[number, customer_id].append(position)
        self._erasures.add((number, customer_id, position))

    def last(self, keeper: Keeper) -> Keeper | None:
        """Who has it in the end; None if it was erased."""
        while True:
            leaves = self._leaves[keeper.number, keeper.customer_id]
            at = bisect_left(leaves, keeper.position)
            if at == len(leaves):
                customer = self._folds[keeper.number].partition.store.get(keeper.customer_id)
                if customer is None or customer.is_gone:
                    raise _Lost(f"{keeper.customer_id} is gone and has not left")
                return keeper
            left = leaves[at]
            if (keeper.number, keeper.customer_id, left) in self._erasures:
                return None
            keeper = self._arrival(keeper, left)

    def _arrival(self, keeper: Keeper, position: int) -> Keeper:
        """Who a customer was joined to, or the same who came back."""
        number = keeper.number
        while True:
            fold = self._folds[number]
            passed = fold.passed.get(position)
            if passed is None:
                break
            target = target_of(passed)
            came = self._folds[target].forwarded.get(place_of(number, position))
            if came is None:
                raise _Lost(f"{place_of(number, position)} never came to {passed.forwarded.into}")
            number, position = target, came
        joined = fold.joined.get(position)
        if joined is not None:
            return Keeper(number, position, joined)
        if not any(letter.position == position for letter in fold.letters):
            raise _Lost(f"{place_of(number, position)} has joined nobody")
        return Keeper(number, position, keeper.customer_id)


def _check_orders(
    fold: Fold, customer: Customer, placed: list[Placed], newest_ms: int
) -> Iterator[str]:
    """Of one who is there, against the orders that were accepted for it or came to it."""
    rules = fold.partition.rules
    known = {order.order_id for order in customer.ledger.orders}
    told: dict[str, int] = {}
    for event, _ in placed:  # told again it may be news, but the order is as old as ever
        told[event.order_id] = min(event.occurred_ms, told.get(event.order_id, event.occurred_ms))
    doubtful = {event.order_id for event, may_be_change in placed if may_be_change}
    for order_id in sorted(known - told.keys()):
        yield f"{customer.customer_id} has the order {order_id}, which nobody told of it"
    if customer.ledger.orders_ever > len(placed):
        yield f"{customer.customer_id} has more orders than the {len(placed)} that were told of it"
    today = rules.calendar.day(max(newest_ms, fold.partition.clock_of(customer)))
    for order_id, placed_ms in sorted(told.items()):
        # In the window still, and it was in that of each policy before.
        is_in = rules.calendar.day(placed_ms) > today - fold.shortest_window_days
        if is_in and order_id not in known | doubtful:
            yield f"{customer.customer_id} has lost the order {order_id}"
