"""Two ledgers become one, when two customers are merged."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter

from msgspec import Struct, field
from msgspec.structs import replace

from scoring.bounded import id_list, seen_ids
from scoring.money import MAX_MINOR_UNITS
from scoring.orders.change import REFUND
from scoring.orders.changing import in_base, settle
from scoring.orders.ledger import MAX_LEFT, MAX_WAITING, Ledger, MergedDay
from scoring.orders.order import PENDING, Later, Order, digits_of
from scoring.orders.returns import MAX_RETURNS
from scoring.rules import Rules
from scoring.timestamps import NEVER_MS


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
    own.own_orders()
    own.forget_facts()
    # The other may come from other rules: counting by these is no change of an order.
    other.recount(rules)
    joined = Joined()
    own_orders: dict[str, list[Order]] = {}
    for order in own.orders:
        own_orders.setdefault(order.order_id, []).append(order)
    for order in other.orders:
        twins = [twin for twin in own_orders.get(order.order_id, ()) if twin.is_same(order)]
        if twins:
            join_orders(twins[-1], order, rules)
            joined.changed.append((twins[-1], twins[-1].counts))
            joined.duplicates.append(order)
        else:
            index = bisect_right(own.orders, order.placed_ms, key=attrgetter("placed_ms"))
            own.orders.insert(index, order)
    own.returns = seen_ids.joined(own.returns, other.returns, MAX_RETURNS)
    _join_waiting(own, other, joined, rules)
    own.forget_facts()
    _join_frozen(own, other)
    own.recount(rules)
    own.evict(rules, today)
    own.keep_to_limits(rules)
    return joined


def join_orders(own: Order, other: Order, rules: Rules) -> None:
    """Take over what became of an order under another id: payment, refunds, edits, points."""
    was_refunded = own.is_fully_refunded or other.is_fully_refunded
    _join_payment(own, other)
    if own.payment == PENDING:
        own.payment = other.payment
    if own.refunds is None:
        own.refunds = other.refunds
    elif other.refunds is not None:
        digits = digits_of(own, rules)
        own.refunds = own.refunds.with_those_of(other.refunds, digits, rules.base_digits)
    if other.later is not None:
        _join_later(own, other, other.later, rules)
    settle(own, rules, was_refunded=was_refunded)
    if own.earned is None:
        own.earned, other.earned = other.earned, None


def _join_payment(own: Order, other: Order) -> None:
    """Cancelled if either is, unless a payment of the other is newer than its cancellation."""
    own.cancelled = _stays_cancelled(own, other) or _stays_cancelled(other, own)
    theirs = other.later or Later()
    if theirs.paid_ms is not None or theirs.cancelled_ms is not None:
        newest_payment_ms, later = own.newest_payment_ms, own.known_later()
        if theirs.paid_ms is not None:
            later.paid_ms = max(theirs.paid_ms, newest_payment_ms or theirs.paid_ms)
        if theirs.cancelled_ms is not None:
            later.cancelled_ms = max(theirs.cancelled_ms, later.cancelled_ms or NEVER_MS)


def _stays_cancelled(order: Order, twin: Order) -> bool:
    """Whether an order is cancelled, and no payment that its twin knows of is newer."""
    if not order.cancelled or order.later is None or order.later.cancelled_ms is None:
        return order.cancelled
    paid_ms = twin.newest_payment_ms
    return paid_ms is None or paid_ms <= order.later.cancelled_ms


def _join_later(own: Order, other: Order, theirs: Later, rules: Rules) -> None:
    """The newest edit of both holds (equal: the survivor's), and the shares of both."""
    later = own.known_later()
    later.share += theirs.share
    if theirs.edited_ms is None or (
        later.edited_ms is not None and theirs.edited_ms <= later.edited_ms
    ):
        return
    if later.placed_minor is None:
        later.placed_minor = own.amount_minor
    later.edited_ms = theirs.edited_ms
    own.amount = min(in_base(own, other.amount_minor, rules), MAX_MINOR_UNITS)
    if own.foreign is not None:
        own.foreign = replace(own.foreign, amount_minor=other.amount_minor)


def _join_waiting(own: Ledger, other: Ledger, joined: Joined, rules: Rules) -> None:
    """Apply the waiting changes of both to the orders of both; a refund waits at most once."""
    waiting, own.waiting = [*own.waiting, *other.waiting], []
    for change in waiting:
        same = None
        if change.kind == REFUND:
            amount, currency = change.amount(rules.base_digits), change.currency or None
            same = own.is_duplicate_refund(
                change.order_id, change.refund_id, amount, currency, rules
            )
        if same is None:
            own.waiting.append(change)
        else:
            joined.unmatched += not same
    for order_id in dict.fromkeys(change.order_id for change in own.waiting):
        found = own.find(order_id)
        if found is not None:
            joined.changed.append((found, found.counts))
            joined.unmatched += own.apply_waiting(found, rules)
    excess = max(0, len(own.waiting) - MAX_WAITING)
    del own.waiting[:excess]
    joined.unmatched += excess


def _join_frozen(own: Ledger, other: Ledger) -> None:
    days = {merged.day: merged for merged in own.merged}
    for merged in other.merged:
        kept = days.get(merged.day)
        if kept is None:
            days[merged.day] = merged
        else:
            count, value = kept.count + merged.count, kept.value + merged.value
            days[merged.day] = MergedDay(merged.day, count, value)
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
