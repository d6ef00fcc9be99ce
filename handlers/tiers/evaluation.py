"""Evaluating a customer's tier, after an event and whenever it is due, and reporting a change.

The rules themselves are in `scoring.tiers`.
"""

from __future__ import annotations

from typing import NamedTuple

from handlers import outputs
from handlers.causes import OVERRIDE
from handlers.context import Cause, Context
from handlers.outputs import TierChanged, crossed_view, rfm_view
from handlers.state.customer import Customer, Grace
from handlers.tiers.grading import beyond_of
from handlers.tiers.outlook import ahead, keeps_until, next_tier
from scoring.crossed import Crossed
from scoring.grading import Beyond
from scoring.orders.ledger import Ledger
from scoring.override import best_rank, ends_at, in_force, overridden_rank
from scoring.rfm import Measured, Rfm, compute_rfm, figures_of
from scoring.rules import Rules
from scoring.tiers import (
    Bounds,
    Graded,
    Transition,
    at_once,
    crossed,
    hold_end,
    qualified_rank,
    rank_by,
    transition,
)

TIME = "window"
"""The reason when time alone is the cause, and neither a grace nor an override ended."""


class Totals(NamedTuple):
    """The totals that RFM follows from, with the rules and the business day they are for."""

    rules: Rules
    day: int
    last_order_ms: int | None
    frequency: int
    monetary: int
    orders_ever: int
    spend_ever: int
    beyond: Beyond | None


def totals(customer: Customer, rules: Rules, day: int) -> Totals:
    """The totals of a customer whose window ends at `day`."""
    ledger = customer.ledger
    return Totals(
        rules,
        day,
        ledger.last_order_ms,
        ledger.frequency,
        ledger.monetary,
        ledger.orders_ever,
        ledger.spend_ever,
        None if rules.grading is None else beyond_of(customer, rules),
    )


def rfm_of(at: Totals) -> Rfm | None:
    """RFM of totals; None for a prospect."""
    rules, day, last_ms, frequency, monetary, orders_ever, spend_ever, beyond = at
    if last_ms is None:
        return None
    recency_days = day - rules.calendar.day(last_ms)
    return compute_rfm(rules, recency_days, frequency, monetary, orders_ever, spend_ever, beyond)


def _figures_now(ledger: Ledger, rules: Rules, day: int, beyond: Beyond | None) -> Measured | None:
    """The figures of a ledger whose window ends at `day`; None for a prospect."""
    last_ms = ledger.last_order_ms
    if last_ms is None:
        return None
    return figures_of(
        rules,
        day - rules.calendar.day(last_ms),
        ledger.frequency,
        ledger.monetary,
        ledger.orders_ever,
        ledger.spend_ever,
        beyond,
    )


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
        reduces: the cause is a cancellation, a failed payment, a refund, an edit downwards or an
            update of attributes.
    """
    rules = context.rules
    today = rules.calendar.day(now_ms)
    beyond = None if rules.grading is None else beyond_of(customer, rules)
    figures = _figures_now(customer.ledger, rules, today, beyond)
    by_figures = rules.prospect_rank if figures is None else rank_by(rules, figures, beyond)
    override = in_force(customer.override, rules, now_ms)
    qualified = overridden_rank(rules, by_figures, override)
    current = rules.rank.get(customer.tier)
    if qualified == current and customer.grace is None:
        return
    after = None if figures is None else Rfm(*figures, beyond)
    graded = before.beyond, beyond
    change = _Change(rules, before.rules, rfm_of(before), after, now_ms, cause, graded)
    if current is None:
        # A new policy dropped the tier; one at the same place in its list is no worse.
        reached, is_up = at_once(qualified), qualified <= before.rules.rank[customer.tier]
    else:
        was = qualified_rank(before.rules, change.before) if reduces else qualified
        reached = transition(
            rules,
            current,
            qualified,
            None if customer.grace is None else customer.grace.until_day,
            today,
            lowered_by_event=reduces and qualified > overridden_rank(rules, was, override),
            bounds=Bounds(hold_end(rules, customer.rose_day), best_rank(rules, override)),
        )
        is_up = reached.rank < current
    lost = customer.grace
    _follow_grace(customer, reached, change)
    tier = rules.tier_name(reached.rank)
    if tier == customer.tier:
        return
    if reached.hold_ends:
        customer.rose_day = None
    elif is_up and reached.rank >= by_figures and cause.reason not in (OVERRIDE, TIME):
        _begin_hold(customer, rules, today)
    previous, customer.tier = customer.tier, tier
    higher = reached.rank if is_up or current is None else current
    conditions = lost.crossed if reached.grace_ended and lost else change.crossed(higher)
    _emit(context, customer, (previous, is_up), reached, change, conditions)


def _follow_grace(customer: Customer, reached: Transition, change: _Change) -> None:
    if reached.grace_starts:
        assert reached.grace_until_day is not None
        customer.grace = Grace(reached.grace_until_day, change.crossed(reached.rank))
    elif reached.grace_until_day is None:
        customer.grace = None


def _begin_hold(customer: Customer, rules: Rules, today: int) -> None:
    """Note a rise by the figures; by time alone, and by an override, there is none."""
    if rules.format >= 3:
        customer.rose_day = today


class _Change(NamedTuple):
    rules: Rules
    old_rules: Rules
    before: Rfm | None
    after: Rfm | None
    now_ms: int
    cause: Cause
    graded: Graded

    def crossed(self, rank: int) -> tuple[Crossed, ...]:
        old_rules = None if self.old_rules is self.rules else self.old_rules
        return crossed(
            self.rules, rank, self.before, self.after, self.now_ms, old_rules, self.graded
        )


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
    reason = cause.reason
    if reason == TIME and reached.grace_ended:
        reason = "grace_expired"
    elif reason == TIME and ends_at(customer.override, rules, now_ms):
        reason = OVERRIDE
    direction = "up" if is_up else "down"
    data = TierChanged(
        **context.head(customer, now_ms, reason, outputs.TIER_CHANGED, direction),
        previous_tier=previous,
        tier=customer.tier,
        direction=direction,
        late=cause.late,
        caused_by=list(cause.event_ids),
        before=rfm_view(change.before, change.old_rules),
        after=rfm_view(change.after, rules),
        crossed=[crossed_view(one, rules) for one in conditions],
        next_tier=next_tier(rules, customer, now_ms),
        keeps_until=keeps_until(ahead(rules, customer, now_ms)),
        action=rules.tier_action(reached.rank, is_up=is_up),
    )
    topic, kind = outputs.TIER_CHANGES, outputs.TIER_CHANGED
    context.emit(topic, kind, customer, cause.key, now_ms, data, direction)
    context.count(context.tally.tier_changes, (previous, customer.tier, reason))
