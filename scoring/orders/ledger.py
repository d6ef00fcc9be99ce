"""A customer's orders: what counts, over a window of business days, in any order of arrival.

Money is in minor units of the base currency unless a name says otherwise. Memory is bounded: the
newest orders of the window one by one (`scoring.orders.order_limits`), older ones merged per day,
and of orders out of the window only their number, their value, the first and the last ("ever"), and
the ids of those that left last.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from operator import attrgetter
from typing import Annotated, NamedTuple

from msgspec import Struct, field

from scoring.bounded import id_list
from scoring.money import Amount, is_equal
from scoring.orders.change import REFUND, Change
from scoring.orders.changing import apply_change, apply_waiting
from scoring.orders.order import Order, counts, currency_of
from scoring.orders.order_limits import FEW, OrderFacts, too_many
from scoring.rules import Rules
from scoring.since import since

_placed_ms = attrgetter("placed_ms")

MAX_WAITING = 64
MAX_LEFT = 256
"""Ids of orders out of the window that are remembered."""


class MergedDay(Struct, array_like=True, frozen=True):
    """The counted orders of one business day, merged into one entry."""

    day: int
    count: int
    value: int


class Placed(NamedTuple):
    """What came of placing an order: whether it counts, and how many changes had no effect."""

    counts: bool
    unmatched: int


class Changed(NamedTuple):
    """What came of a change of an order."""

    order: Order | None = None
    """None if the change waits for it."""
    comes_to_count: bool = False
    """Whether this change made it count."""
    is_lowered: bool = False
    """Whether its amount is lower than before."""
    unmatched: int = 0
    """How many changes (0 or 1) have no effect for good."""


class Ledger(Struct, array_like=True, dict=True):
    """All that is kept of a customer's orders.

    A copy (`copied`) shares the orders. So one that is to be changed gives its place to a copy.
    Facts about many orders (`OrderFacts`) are not packed, but found again when they are needed.
    """

    orders: list[Order] = field(default_factory=list)
    """In the window, by order time, then by arrival."""
    merged: list[MergedDay] = field(default_factory=list)
    frozen_count: int = 0
    """Counted orders merged or out of the window."""
    frozen_first_ms: int | None = None
    frozen_last_ms: int | None = None
    live_count: int = 0
    """Counted orders in `orders`."""
    frequency: int = 0
    monetary: int = 0
    first_order_ms: int | None = None
    """The time of the first counted order ever."""
    last_order_ms: int | None = None
    """The time of the last counted order ever."""
    waiting: list[Change] = field(default_factory=list)
    """Changes whose order is missing, in order of arrival."""
    gone_value: Annotated[int, since(3)] = 0
    """The value of counted orders out of the window, as of leaving it; of those that left while
    their partition had an older format it is not known."""
    left: Annotated[bytes, since(3)] = b""
    """The ids (`scoring.bounded.id_list`) of orders that left the window last, or came when they
    were out of it, counted or not, oldest first; of merged orders there are none."""
    returns: Annotated[bytes, since(3)] = b""
    """The newest returns without an order (`scoring.orders.returns`)."""

    @property
    def orders_ever(self) -> int:
        """The number of counted orders, ever."""
        return self.frozen_count + self.live_count

    @property
    def spend_ever(self) -> int:
        """The value of counted orders, ever; of frozen ones as of freezing."""
        return self.gone_value + self.monetary

    def copied(self) -> Ledger:
        """A ledger that changes without this one; the orders are the same objects."""
        found = copy(self)
        found.orders, found.merged = self.orders[:], self.merged[:]
        found.waiting = self.waiting[:]
        return found

    def own_orders(self) -> None:
        """Have the orders for itself, before many of them are changed."""
        self.orders = [order.copied() for order in self.orders]

    def has_left(self, order_id: str) -> bool:
        """Whether an order of this id is known to be out of the window."""
        return bool(self.left) and id_list.holds(self.left, order_id)

    def find(self, order_id: str) -> Order | None:
        """The order of this id, if it is in the window and not merged. Do not change it."""
        at = self._place_of(order_id)
        return None if at is None else self.orders[at]

    def _place_of(self, order_id: str) -> int | None:
        orders, facts = self.orders, self._facts()
        if facts is None or facts.may_have(order_id):
            for at in range(len(orders) - 1, -1, -1):
                if orders[at].order_id == order_id:
                    return at
        return None

    def _facts(self) -> OrderFacts | None:
        """The facts about the orders; None if these are few: then there are none to keep right."""
        if len(self.orders) <= FEW:
            return None
        facts: OrderFacts | None = self.__dict__.get("facts")
        if facts is None or facts.is_stale(len(self.orders)):
            facts = self.__dict__["facts"] = OrderFacts(self.orders)
        return facts

    def forget_facts(self) -> None:
        """Find the facts anew when they are needed: the orders were changed elsewhere."""
        self.__dict__.pop("facts", None)

    def _drop_oldest(self, number: int) -> None:
        facts = self._facts()
        if facts is not None:
            for order in self.orders[:number]:
                facts.remove(order)
        del self.orders[:number]
        if facts is not None and len(self.orders) <= FEW:
            self.forget_facts()

    def is_duplicate_refund(
        self, order_id: str, refund_id: str, amount: Amount, currency: str | None, rules: Rules
    ) -> bool | None:
        """Whether a refund was seen before, on its order or waiting for it.

        True with the same amount and currency (a duplicate), False with others (a conflict), None
        if its id is new. Without a currency (None) it is in that of the order.
        """
        order = self.find(order_id)
        if order is not None and order.refunds is not None:
            same = order.refunds.is_duplicate(refund_id, amount, rules.base_digits)
            if same is not None:
                return same and currency in (None, currency_of(order, rules))
        for change in self.waiting:
            if (change.kind, change.order_id, change.refund_id) == (REFUND, order_id, refund_id):
                is_same = is_equal(change.amount(rules.base_digits), amount)
                return is_same and (currency is None or change.currency in ("", currency))
        return None

    def place(self, order: Order, rules: Rules, today: int) -> Placed:
        """Add a new order, and apply the changes that waited for it."""
        unmatched = self.apply_waiting(order, rules)
        order.counts = counts(order, rules)
        if order.day <= today - rules.window_days:
            self._go(order, rules)
            if order.counts:
                self._note_time(order.placed_ms)
            return Placed(order.counts, unmatched)
        facts = self._facts()
        if facts is not None:
            facts.add(order)
        orders = self.orders
        if not orders or orders[-1].placed_ms <= order.placed_ms:
            orders.append(order)
        else:
            orders.insert(bisect_right(orders, order.placed_ms, key=_placed_ms), order)
        if order.counts:
            self._enter(order)
            self._note_time(order.placed_ms)
        self.keep_to_limits(rules)
        return Placed(order.counts, unmatched)

    def apply_waiting(self, order: Order, rules: Rules) -> int:
        """Apply the changes that waited for an order; how many of them had no effect."""
        if not self.waiting:
            return 0
        own = [change for change in self.waiting if change.order_id == order.order_id]
        if own:
            self.waiting = [c for c in self.waiting if c.order_id != order.order_id]
        return apply_waiting(order, own, rules)

    def change(self, change: Change, rules: Rules) -> Changed:
        """Apply a change to its order, or let it wait if the order is missing."""
        self.keep_to_limits(rules)  # before, so that this order is not merged while it changes
        at = self._place_of(change.order_id)
        if at is None:
            self.waiting.append(change)
            if len(self.waiting) > MAX_WAITING:
                del self.waiting[0]
                return Changed(unmatched=1)
            return Changed()
        order = self._take_out(at)
        counted, amount = order.counts, order.amount
        applied = apply_change(order, change, rules)
        self._put_in(order, rules)
        if order.counts != counted:
            self._measure()
        comes_to_count = order.counts and not counted
        return Changed(order, comes_to_count, order.amount < amount, int(not applied))

    def share_out(self, amount: int, at_ms: int, rules: Rules) -> tuple[list[Order], int]:
        """Take a return without an order from the counted orders up to an instant, newest first.

        Returns:
            the orders it was taken from, each at most down to zero, and what is left.
        """
        shared = []
        for at in range(len(self.orders) - 1, -1, -1):
            if not amount:
                break
            order = self.orders[at]
            share = min(order.value, amount)
            if share and order.counts and order.placed_ms <= at_ms:
                order = self._take_out(at)
                order.known_later().share += share
                self._put_in(order, rules)
                amount -= share
                shared.append(order)
        if shared:
            self.keep_to_limits(rules)
            self._measure()
        return shared, amount

    def _take_out(self, at: int) -> Order:
        """Put a copy in the place of an order, to be changed and then `_put_in`."""
        order = self.orders[at]
        facts = self._facts()
        if facts is not None:
            facts.remove(order)
        if order.counts:
            self._leave(order)
        order = self.orders[at] = order.copied()
        return order

    def _put_in(self, order: Order, rules: Rules) -> None:
        """Count an order that was changed, if it counts now."""
        order.counts = counts(order, rules)
        if order.counts:
            self._enter(order)
        facts = self._facts()
        if facts is not None:
            facts.add(order)

    def evict(self, rules: Rules, today: int) -> list[str]:
        """Drop what has left the window by `today`; the ids of the counted orders that left.

        Orders merged per day have no ids any more.
        """
        horizon = today - rules.window_days
        left: list[str] = []
        while self.merged and self.merged[0].day <= horizon:
            gone = self.merged.pop(0)
            self.frequency -= gone.count
            self.monetary -= gone.value
            if rules.remembers >= 3:
                self.gone_value += gone.value
        leaving = 0
        for order in self.orders:
            if order.day > horizon:
                break
            leaving += 1
            if order.counts:
                left.append(order.order_id)
                self._leave(order)
            self._go(order, rules)
        if leaving:
            self._drop_oldest(leaving)
        return left

    def next_leaving_day(self, rules: Rules) -> int | None:
        """The next business day on which an order leaves the window."""
        if not self.orders:
            return self.merged[0].day + rules.window_days if self.merged else None
        first = self.orders[0].day
        if self.merged:
            # A new time zone moves the days of orders, but not those of merged days.
            first = min(first, self.merged[0].day)
        return first + rules.window_days

    def leaving(self) -> list[tuple[int, int, int]]:
        """What will leave the window, as (business day of the orders, count, value).

        A day may have two entries: one of merged orders, one of others.
        """
        found = [(merged.day, merged.count, merged.value) for merged in self.merged]
        day, count, value = 0, 0, 0
        for order in self.orders:
            if order.counts:
                if order.day != day:
                    if count:
                        found.append((day, count, value))
                    day, count, value = order.day, 0, 0
                count += 1
                value += order.value
        if count:
            found.append((day, count, value))
        return found

    def recount(self, rules: Rules) -> None:
        """Compute days and counting anew under other rules; frozen orders stay as they are.

        The orders are changed in place: call `own_orders` before, or have a ledger just unpacked.
        """
        self.live_count = 0
        self.frequency = sum(merged.count for merged in self.merged)
        self.monetary = sum(merged.value for merged in self.merged)
        for order in self.orders:
            order.day = rules.calendar.day(order.placed_ms)
            order.counts = counts(order, rules)
            if order.counts:
                self._enter(order)
        self._measure()

    def _note_time(self, placed_ms: int) -> None:
        """A counted order came: it may be the first or the last ever."""
        first, last = self.first_order_ms, self.last_order_ms
        self.first_order_ms = placed_ms if first is None else min(first, placed_ms)
        self.last_order_ms = placed_ms if last is None else max(last, placed_ms)

    def _measure(self) -> None:
        """Set the times of the first and the last counted order ever."""
        first, last = self.frozen_first_ms, self.frozen_last_ms
        for order in self.orders:
            if order.counts:
                first = order.placed_ms if first is None else min(first, order.placed_ms)
                break
        for order in reversed(self.orders):
            if order.counts:
                last = order.placed_ms if last is None else max(last, order.placed_ms)
                break
        self.first_order_ms, self.last_order_ms = first, last

    def _enter(self, order: Order) -> None:
        self.live_count += 1
        self.frequency += 1
        self.monetary += order.value

    def _leave(self, order: Order) -> None:
        self.live_count -= 1
        self.frequency -= 1
        self.monetary -= order.value

    def _go(self, order: Order, rules: Rules) -> None:
        """Freeze an order that is out of the window."""
        if order.counts:
            self._freeze(order)
        if rules.remembers >= 3:
            self.left = id_list.remember(self.left, order.order_id, MAX_LEFT)
            if order.counts:
                self.gone_value += order.value

    def _freeze(self, order: Order) -> None:
        placed_ms = order.placed_ms
        self.frozen_count += 1
        if self.frozen_first_ms is None or placed_ms < self.frozen_first_ms:
            self.frozen_first_ms = placed_ms
        if self.frozen_last_ms is None or placed_ms > self.frozen_last_ms:
            self.frozen_last_ms = placed_ms

    def keep_to_limits(self, rules: Rules) -> None:
        """Merge the oldest orders, if there are more than are kept one by one."""
        for _ in range(too_many(self.orders, rules, self._facts())):
            self._merge_oldest()

    def _merge_oldest(self) -> None:
        """Merge the oldest order into the entry of its business day, if it counts."""
        order = self.orders[0]
        self._drop_oldest(1)
        if not order.counts:
            return
        self.live_count -= 1
        self._freeze(order)
        index = bisect_right(self.merged, order.day, key=attrgetter("day"))
        if index and self.merged[index - 1].day == order.day:
            kept = self.merged[index - 1]
            self.merged[index - 1] = MergedDay(kept.day, kept.count + 1, kept.value + order.value)
        else:
            self.merged.insert(index, MergedDay(order.day, 1, order.value))
