"""Evaluating a customer's tier, after an event and whenever it is due, and reporting a change.

The rules themselves are in `scoring.tiers`.
"""

from __future__ import annotations

from typing import NamedTuple

from handlers import outputs
from handlers.context import Cause, Context
from handlers.outputs import NextTier, TierChanged, crossed_view, rfm_view
from handlers.state.customer import Customer, Grace
from scoring.ledger import Ledger
from scoring.money import text_of_minor
from scoring.rfm import Rfm, compute_rfm
from scoring.rules import Rules
from scoring.tiers import (
    Crossed,
    Transition,
    at_once,
    crossed,
    fall_day,
    order_amount_needed,
    qualified_rank,
    transition,
)
from scoring.timestamps import rfc3339

TIME = "window"
"""The reason when time alone is the cause and no grace ended."""


class Totals(NamedTuple):
    """The totals that RFM follows from, with the rules and the business day they are for."""

    rules: Rules
    day: int
    last_order_ms: int | None
    frequency: int
    monetary: int


def totals(ledger: Ledger, rules: Rules, day: int) -> Totals:
    """The totals of a ledger whose window ends at `day`."""
    return Totals(rules, day, ledger.last_order_ms, ledger.frequency, ledger.monetary)


def rfm_of(at: Totals) -> Rfm | None:
    """RFM of totals; None for a prospect."""
    rules, day, last_order_ms, frequency, monetary = at
    if last_order_ms is None:
        return None
    return compute_rfm(rules, day - rules.calendar.day(last_order_ms), frequency, monetary)


def evaluate(
    context: Context,
    customer: Customer,
    now_ms: int,
    before: Totals,
    cause: Cause,
    *,
    reduces: bool = False,
) -> None:
    """Move the customer to the tier due on the business day of `now_ms`, and report a change.

    Args:
        context: the rules in force, and the outbox.
        customer: changed in place.
        now_ms: the customer's clock.
        before: the totals of the same day without the event, or of the day before for time alone.
        cause: what the evaluation follows from.
        reduces: the cause is a cancellation, a failed payment or a refund.
    """
    rules = context.rules
    today = rules.calendar.day(now_ms)
    after = rfm_of(totals(customer.ledger, rules, today))
    qualified = qualified_rank(rules, after)
    current = rules.rank.get(customer.tier)
    grace = customer.grace
    if qualified == current and grace is None:
        return
    change = _Change(rules, before.rules, rfm_of(before), after, now_ms, cause)
    if current is None:
        # A new policy dropped the tier; one at the same place in its list is no worse.
        reached, is_up = at_once(qualified), qualified <= before.rules.rank[customer.tier]
    else:
        lowered = reduces and qualified > qualified_rank(before.rules, change.before)
        until_day = None if grace is None else grace.until_day
        reached = transition(rules, current, qualified, until_day, today, lowered_by_event=lowered)
        is_up = reached.rank < current
    tier = rules.tier_name(reached.rank)
    if tier != customer.tier:
        previous, customer.tier = customer.tier, tier
        higher = reached.rank if is_up or current is None else current
        ended = grace if reached.grace_ended else None
        conditions = change.crossed(higher) if ended is None else ended.crossed
        _emit(context, customer, (previous, is_up), reached, change, conditions)
    if reached.grace_starts:
        assert reached.grace_until_day is not None
        customer.grace = Grace(reached.grace_until_day, change.crossed(reached.rank))
    elif reached.grace_until_day is None:
        customer.grace = None


class _Change(NamedTuple):
    rules: Rules
    old_rules: Rules
    before: Rfm | None
    after: Rfm | None
    now_ms: int
    cause: Cause

    def crossed(self, rank: int) -> tuple[Crossed, ...]:
        old_rules = None if self.old_rules is self.rules else self.old_rules
        return crossed(self.rules, rank, self.before, self.after, self.now_ms, old_rules)


def _emit(
    context: Context,
    customer: Customer,
    left: tuple[str, bool],
    reached: Transition,
    change: _Change,
    conditions: tuple[Crossed, ...],
) -> None:
    rules = context.rules
    previous, is_up = left
    cause, now_ms = change.cause, change.now_ms
    today = rules.calendar.day(now_ms)
    reason = cause.reason
    if reason == TIME and reached.grace_ended:
        reason = "grace_expired"
    data = TierChanged(
        **context.head(customer, now_ms, reason),
        previous_tier=previous,
        tier=customer.tier,
        direction="up" if is_up else "down",
        late=cause.late,
        caused_by=list(cause.event_ids),
        before=rfm_view(change.before, change.old_rules),
        after=rfm_view(change.after, rules),
        crossed=[crossed_view(one, rules) for one in conditions],
        next_tier=next_tier(rules, customer, reached.rank),
        keeps_until=keeps_until(rules, customer, reached.rank, today, reached.grace_until_day),
        action=rules.tier_action(reached.rank),
    )
    context.emit(outputs.TIER_CHANGES, outputs.TIER_CHANGED, customer, cause.key, now_ms, data)
    context.count(context.tally.tier_changes, (previous, customer.tier, reason))


def next_tier(rules: Rules, customer: Customer, rank: int) -> NextTier | None:
    """The tier directly above a rank and the order it takes; None at the top."""
    if rank == 0:
        return None
    needed = order_amount_needed(
        rules, customer.ledger.frequency, customer.ledger.monetary, rank - 1
    )
    return NextTier(
        rules.tier_name(rank - 1),
        None if needed is None else text_of_minor(needed, rules.base_digits),
    )


def keeps_until(
    rules: Rules, customer: Customer, rank: int, today: int, grace_until_day: int | None
) -> str | None:
    """The instant of the next fall in tier if nothing more happens; None if there is none."""
    day = fall_day(rules, customer.ledger, rank, today, grace_until_day)
    return None if day is None else rfc3339(rules.calendar.start(day))


def tier_due_ms(rules: Rules, customer: Customer, today: int) -> int | None:
    """The start of the next business day on which the tier is evaluated without an event.

    On it an order leaves the window, a recency cut-off or a condition is passed, or a grace ends.
    """
    ledger = customer.ledger
    due = ledger.next_leaving_day(rules)
    if ledger.last_order_ms is not None:
        last_day = rules.calendar.day(ledger.last_order_ms)
        for step in rules.recency_steps:
            day = last_day + step
            if day > today:
                if due is None or day < due:
                    due = day
                break
    grace = customer.grace
    if grace is not None and (due is None or grace.until_day < due):
        due = grace.until_day
    return None if due is None else rules.calendar.start(due)


def leaving_days(rules: Rules, customer: Customer) -> list[int]:
    """The business days on which counted orders leave the window."""
    return [day + rules.window_days for day, _, _ in customer.ledger.leaving()]


def recency_days(rules: Rules, customer: Customer) -> list[int]:
    """The business days on which the last order passes a recency cut-off or condition."""
    last_ms = customer.ledger.last_order_ms
    if last_ms is None:
        return []
    last_day = rules.calendar.day(last_ms)
    return [last_day + step for step in rules.recency_steps]
