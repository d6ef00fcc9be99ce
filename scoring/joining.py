"""Two ledgers become one, when two customers are merged."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter

from msgspec import Struct, field

from scoring import id_list
from scoring.change import REFUND
from scoring.ledger import MAX_LEFT, MAX_WAITING, Ledger
from scoring.order import Order, apply_change
from scoring.rules import Rules


class Joined(Struct):
    """What joining two ledgers changed."""

    changed: list[tuple[Order, bool]] = field(default_factory=list)
    """Orders that changed, and whether they counted before; an order may occur twice."""
    duplicates: list[Order] = field(default_factory=list)
    """Orders of the other ledger that were dropped, because both ledgers had them."""
    unmatched: int = 0
    """Changes pushed out of the waiting list, and refunds that conflict with a seen one."""


def join_ledgers(own: Ledger, other: Ledger, rules: Rules, today: int) -> Joined:
    """Take over the orders of a customer who was merged into this one; `other` is used up.

    An order in both ledgers with the same amount is one order. A change that waits in one
    ledger is applied to its order in the other.
    """
    # The other may come from other rules: counting by these is no change of an order.
    other.recount(rules)
    joined = Joined()
    own_orders: dict[str, list[Order]] = {}
    for order in own.orders:
        own_orders.setdefault(order.order_id, []).append(order)
    for order in other.orders:
        twins = [twin for twin in own_orders.get(order.order_id, ()) if twin.is_same(order)]
        if twins:
            twins[-1].take_news(order)
            joined.changed.append((twins[-1], twins[-1].counts))
            joined.duplicates.append(order)
        else:
            index = bisect_right(own.orders, order.placed_ms, key=attrgetter("placed_ms"))
            own.orders.insert(index, order)
    _join_waiting(own, other, joined)
    _join_frozen(own, other)
    own.recount(rules)
    own.evict(rules, today)
    own.keep_to_limits(rules)
    return joined


def _join_waiting(own: Ledger, other: Ledger, joined: Joined) -> None:
    """Apply the waiting changes of both to the orders of both; a refund waits at most once."""
    waiting, own.waiting = [*own.waiting, *other.waiting], []
    for change in waiting:
        found, same = own.find(change.order_id), None
        if change.kind == REFUND:
            same = own.is_duplicate_refund(change.order_id, change.refund_id, change.refund_units)
        if same is not None:
            joined.unmatched += not same
        elif found is None:
            own.waiting.append(change)
        else:
            joined.changed.append((found, found.counts))
            apply_change(found, change)
    excess = max(0, len(own.waiting) - MAX_WAITING)
    del own.waiting[:excess]
    joined.unmatched += excess


def _join_frozen(own: Ledger, other: Ledger) -> None:
    days = {merged.day: merged for merged in own.merged}
    for merged in other.merged:
        kept = days.setdefault(merged.day, merged)
        if kept is not merged:
            kept.count += merged.count
            kept.value += merged.value
    own.merged = [days[day] for day in sorted(days)]
    own.frozen_count += other.frozen_count
    own.gone_value += other.gone_value
    own.left = id_list.joined(own.left, other.left, MAX_LEFT)
    firsts, lasts = (
        [at_ms for at_ms in both if at_ms is not None]
        for both in (
            (own.frozen_first_ms, other.frozen_first_ms),
            (own.frozen_last_ms, other.frozen_last_ms),
        )
    )
    own.frozen_first_ms = min(firsts, default=None)
    own.frozen_last_ms = max(lasts, default=None)
