"""What keeps a tier, and what the next one takes, as text."""

from __future__ import annotations

from collections.abc import Iterator

from cli.explain.words import measured, plain, time_words
from handlers.explain.model import OverrideWhy, TierWhy
from handlers.outputs import NextTier

_MODES = {"floor": "at least", "ceiling": "at most", "fixed": "exactly"}


def override_words(hand: OverrideWhy) -> str:
    """Such as `by hand: at least A until 2026-03-01 00:00:00, by kim (a good friend)`."""
    by = "" if hand.by is None else f", by {plain(hand.by)}"
    note = "" if hand.note is None else f" ({plain(hand.note)})"
    if hand.approved_by is not None:
        note += f", approved by {plain(hand.approved_by)}"
    rests = "" if hand.is_in_force else "; it rests, since the policy has no such tier"
    return f"by hand: {_granted(hand)}{by}{note}{rests}"


def waiting_words(hand: OverrideWhy) -> str:
    """Such as `waits for approval: at least A until 2026-03-01 00:00:00, by kim`."""
    return f"waits for approval: {_granted(hand)}, by {plain(hand.by or 'nobody')}"


def _granted(hand: OverrideWhy) -> str:
    return f"{_MODES[hand.mode]} {plain(hand.tier)} until {time_words(hand.until)}"


def tier_keeping(tier: TierWhy, currency: str) -> Iterator[str]:
    """Whether a hold runs, what would keep the tier, and when a fall is told."""
    if tier.held_until is not None:
        yield f"held after its last rise until {time_words(tier.held_until)}"
    if tier.keep is not None:
        yield f"to keep it: {_orders(tier.keep.orders_needed, tier.keep.total_needed, currency)}"
    if tier.told_at is not None:
        yield f"the fall is told on {time_words(tier.told_at)}"


def next_tier_words(above: NextTier, currency: str) -> str:
    """What reaches the next tier: one order, or several."""
    needed = above.order_amount_needed
    if needed is None and above.orders_needed is None:
        return "no order today would reach it"
    if needed is None:
        orders = _orders(above.orders_needed, above.total_needed, currency)
        return f"no single order today would reach it; {orders} would"
    if not needed.strip("0."):
        return "one order of any amount today would reach it"
    return f"one order of {measured('monetary', needed, currency)} today would reach it"


def _orders(count: int | None, total: str | None, currency: str) -> str:
    if count is None or total is None:
        return "no orders of today are enough"
    orders = "one order" if count == 1 else f"{count} orders"
    if not total.strip("0."):
        return f"{orders} of any amount today"
    return f"{orders} of {measured('monetary', total, currency)} in all today"
