"""The tier of a customer, worked out after an event and whenever time makes it due."""

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
    """What figures are made of, with the rules and the business day they are made for."""

    rules: Rules
    day: int
    last_order_ms: int | None
    frequency: int
    monetary: int


def totals(ledger: Ledger, rules: Rules, day: int) -> Totals:
    """The ledger's totals as they stand; the window must end at `day`."""
    return Totals(rules, day, ledger.last_order_ms, ledger.frequency, ledger.monetary)


def rfm_of(found: Totals) -> Rfm | None:
    """The figures of totals; None for a prospect."""
    rules, day, last_order_ms, frequency, monetary = found
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
    """Move the customer to the tier due on the business day of `now_ms`, telling of a change.

    Args:
        before: the totals of the same day without the event, or of the day before for time alone.
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
        verdict, is_up = _leave_dropped_tier(before.rules.rank[customer.tier], qualified)
    else:
        lowered = reduces and qualified > qualified_rank(before.rules, change.before)
        until_day = None if grace is None else grace.until_day
        verdict = transition(rules, current, qualified, until_day, today, lowered_by_event=lowered)
        is_up = verdict.rank < current
    tier = rules.tier_name(verdict.rank)
    if tier != customer.tier:
        previous, customer.tier = customer.tier, tier
        higher = verdict.rank if is_up or current is None else current
        ended = grace if verdict.grace_ended else None
        found = change.crossed(higher) if ended is None else ended.crossed
        _announce(context, customer, (previous, is_up), verdict, change, found)
    if verdict.grace_starts:
        assert verdict.grace_until_day is not None
        customer.grace = Grace(verdict.grace_until_day, change.crossed(verdict.rank))
    elif verdict.grace_until_day is None:
        customer.grace = None


def _leave_dropped_tier(old_rank: int, qualified: int) -> tuple[Transition, bool]:
    """A new policy has no such tier: what the customer qualifies for takes its place.

    With the same place in the list it counts as no worse.
    """
    return Transition(qualified, None, grace_starts=False, grace_ended=False), qualified <= old_rank


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


def _announce(
    context: Context,
    customer: Customer,
    moved: tuple[str, bool],
    verdict: Transition,
    change: _Change,
    found: tuple[Crossed, ...],
) -> None:
    rules = context.rules
    previous, is_up = moved
    cause, now_ms = change.cause, change.now_ms
    today = rules.calendar.day(now_ms)
    reason = cause.reason
    if reason == TIME and verdict.grace_ended:
        reason = "grace_expired"
    data = TierChanged(
        customer_id=customer.customer_id,
        sequence=context.next_sequence(customer),
        previous_tier=previous,
        tier=customer.tier,
        direction="up" if is_up else "down",
        reason=reason,
        late=cause.late,
        caused_by=list(cause.event_ids),
        effective_at=rfc3339(now_ms),
        before=rfm_view(change.before, change.old_rules),
        after=rfm_view(change.after, rules),
        crossed=[crossed_view(one, rules) for one in found],
        next_tier=next_tier(rules, customer, verdict.rank),
        keeps_until=keeps_until(rules, customer, verdict.rank, today, verdict.grace_until_day),
        action=rules.tier_action(verdict.rank),
        policy_version=rules.version,
        marketing_consent=customer.marketing_consent,
    )
    context.emit(outputs.TIER_CHANGES, outputs.TIER_CHANGED, customer, cause.key, now_ms, data)
    context.tally.tier_changes[previous, customer.tier, reason] += 1


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
    """The next instant after `today` began at which the tier must be looked at."""
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
