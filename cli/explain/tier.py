"""What keeps a tier, and what the next one takes, as text."""

from __future__ import annotations

from collections.abc import Iterator

from cli.explain.words import Wording, plain
from handlers.explain.model import OverrideWhy, TierWhy
from handlers.outputs import NextTier


def override_words(hand: OverrideWhy, wording: Wording) -> str:
    """Such as `by hand: at least A until 2026-03-01 00:00:00, by kim (a good friend)`."""
    say = wording.words.say
    by = "" if hand.by is None else say(", by {name}", name=plain(hand.by))
    note = "" if hand.note is None else say(" ({note})", note=plain(hand.note))
    if hand.approved_by is not None:
        note += say(", approved by {name}", name=plain(hand.approved_by))
    rests = "" if hand.is_in_force else say("; it rests, since the policy has no such tier")
    return say("by hand: {granted}", granted=_granted(hand, wording)) + by + note + rests


def waiting_words(hand: OverrideWhy, wording: Wording) -> str:
    """Such as `waits for approval: at least A until 2026-03-01 00:00:00, by kim`."""
    say = wording.words.say
    by = plain(hand.by) if hand.by else say("nobody")
    return say("waits for approval: {granted}, by {by}", granted=_granted(hand, wording), by=by)


def _granted(hand: OverrideWhy, wording: Wording) -> str:
    return wording.words.say(
        "{mode} {tier} until {time}",
        mode=wording.words.term("mode", hand.mode),
        tier=plain(hand.tier),
        time=wording.time(hand.until),
    )


def tier_keeping(tier: TierWhy, wording: Wording) -> Iterator[str]:
    """Whether a hold runs, what would keep the tier, and when a fall is told."""
    say = wording.words.say
    if tier.held_until is not None:
        time = wording.time(tier.held_until)
        yield say("held after its last rise until {time}", time=time)
    if tier.keep is not None:
        orders = _orders(tier.keep.orders_needed, tier.keep.total_needed, wording)
        yield say("to keep it: {orders}", orders=orders)
    if tier.told_at is not None:
        yield say("the fall is told on {time}", time=wording.time(tier.told_at))


def next_tier_words(above: NextTier, wording: Wording) -> str:
    """What reaches the next tier: one order, or several."""
    say, needed = wording.words.say, above.order_amount_needed
    if needed is None and above.orders_needed is None:
        return say("no order today would reach it")
    if needed is None:
        orders = _orders(above.orders_needed, above.total_needed, wording)
        return say("no single order today would reach it; {orders} would", orders=orders)
    if not needed.strip("0."):
        return say("one order of any amount today would reach it")
    return say("one order of {amount} today would reach it", amount=wording.money(needed))


def _orders(count: int | None, total: str | None, wording: Wording) -> str:
    words = wording.words
    if count is None or total is None:
        return words.say("no orders of today are enough")
    if not total.strip("0."):
        return words.plural(
            "one order of any amount today", "{count} orders of any amount today", count
        )
    return words.plural(
        "one order of {total} in all today",
        "{count} orders of {total} in all today",
        count,
        total=wording.money(total),
    )
