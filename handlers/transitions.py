"""What one customer goes through: an event, an instant, a new policy, a merge.

Care, points and tags, which a policy may declare beyond tiers and levels, hook in at five places,
always in this order:

- after an accepted event (`take_event`): tier, level, then `_apply_features`: care, points, tags;
- at a due instant (`fire`): tier (one evaluation), levels, then `_fire_features`: care, points'
  expiry, tags;
- under a new policy (`reevaluate`): tier, level, then care, points, tags;
- when another customer is merged into this one (`absorb`): tier, level, then care, points, tags;
- each gives its own next due instant after the customer's clock, None if there is none; `plan`
  (`handlers.due`) takes the earliest. A feature must leave nothing due at or before the instant it
  fired at.

Under a policy without such sections (`Rules.has_features` is false) none of them runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handlers.browse import browsed
from handlers.care.dates import begin_care, remind, restart_refresh
from handlers.care.followups import remind_of_followups
from handlers.care.retention import begin_retention, follow_retention
from handlers.care.service_levels import follow_service, remind_of_service, resume_service
from handlers.care.surveys import answer_time, follow_surveys, remind_of_surveys, restart_surveys
from handlers.causes import OVERRIDE, reason_of
from handlers.contact import keep_messages, weigh
from handlers.context import Cause, Context
from handlers.dormancy import CameBack, came_with, compare_level, reach_levels
from handlers.due import plan
from handlers.effects import AppliedEvent, Effect
from handlers.events import (
    CHURN,
    ActivityRecorded,
    Browsed,
    ConsentChanged,
    Event,
    FollowupScheduled,
    OrderChanged,
    OrderPlaced,
    OrderRefunded,
    OrderUpdated,
    PointsAdjusted,
    PointsRedeemed,
    ProfileUpdated,
    RedemptionCancelled,
    RefundCancelled,
    SurveyAnswered,
    TicketChanged,
    TicketOpened,
    TicketResponded,
    TierOverridden,
    TierOverrideApproved,
)
from handlers.merge.join import join
from handlers.orders import (
    order_changed,
    order_placed,
    order_refunded,
    order_updated,
    refund_cancelled,
)
from handlers.points.account import EXPIRY, expire_points, follow_points, join_points
from handlers.points.expiring import remind_of_expiry
from handlers.profile.attributes import keep_newest, profile_updated, tell_refused
from handlers.profile.consent import accepted_only, consent_changed
from handlers.profile.owner import tell_owner
from handlers.profile.record import count_answer, count_reason
from handlers.state.customer import Customer
from handlers.support import (
    followup_scheduled,
    survey_answered,
    ticket_changed,
    ticket_responded,
)
from handlers.tags.tagging import fire_tags, follow_tags, reevaluate_tags
from handlers.tiers.evaluation import TIME, evaluate, totals
from handlers.tiers.expiring import replan, warn_of_fall
from handlers.tiers.grading import grades_by, keep_answers, take_answer
from handlers.tiers.override import is_override_end, tier_overridden, tier_override_approved
from scoring.dormancy import DORMANT
from scoring.rules import PROSPECT, Rules
from scoring.satisfaction import Experience

OrderHandler = Callable[[Customer, Any, Rules, int], Effect]
OtherHandler = Callable[[Customer, Any], int | None]
"""Returns when the customer was there; None if the event is no interaction."""

ORDER_HANDLERS: dict[type[Event], OrderHandler] = {
    OrderPlaced: order_placed,
    OrderChanged: order_changed,
    OrderRefunded: order_refunded,
    OrderUpdated: order_updated,
    RefundCancelled: refund_cancelled,
}
TIER_HANDLERS: dict[type[Event], Callable[[Customer, Any, Rules], None]] = {
    TierOverridden: tier_overridden,
    TierOverrideApproved: tier_override_approved,
}
OTHER_HANDLERS: dict[type[Event], OtherHandler] = {
    Browsed: browsed,
    TicketOpened: ticket_changed,
    TicketResponded: ticket_responded,
    TicketChanged: ticket_changed,
    SurveyAnswered: survey_answered,
    FollowupScheduled: followup_scheduled,
    ProfileUpdated: profile_updated,
    ConsentChanged: consent_changed,
    ActivityRecorded: accepted_only,
    PointsRedeemed: accepted_only,
    RedemptionCancelled: accepted_only,
    PointsAdjusted: accepted_only,
}


_INTERACTIONS = frozenset({Browsed, TicketOpened, TicketChanged})
"""What changes neither tier nor level of who is not dormant, and under a policy that asks for
nothing more is of no further concern."""
_WITH_ITEMS = (OrderPlaced, OrderUpdated)


def cause_key(event_id: str, occurred_ms: int) -> str:
    """The cause key of the outputs of an event: the same whenever it is applied again."""
    return f"event:{event_id}@{occurred_ms}"


def _cause(event: Event, reason: str, *, is_late: bool) -> Cause:
    """The cause of what an accepted event changes."""
    key = cause_key(event.event_id, event.occurred_ms)
    return Cause(key, (event.event_id,), reason, is_late)


# -- an event


def take_event(
    context: Context, customer: Customer, event: Event, now_ms: int, *, is_late: bool
) -> bool:
    """Apply an accepted event; returns whether due instants or the stage may have changed."""
    rules, kind, effect = context.rules, type(event), None
    if kind in _INTERACTIONS and customer.level < DORMANT and not rules.asks_more:
        OTHER_HANDLERS[kind](customer, event)
        return False
    has_features, tier_before = rules.has_features, customer.tier
    is_profile = kind is ProfileUpdated
    owner_before = customer.owner(rules) if is_profile else None
    moves_due = True
    if kind in OTHER_HANDLERS:
        moves_due = _take_other_event(context, customer, event, now_ms, is_late=is_late)
    elif kind in ORDER_HANDLERS:
        effect = _take_order_event(context, customer, event, now_ms, is_late=is_late)
    else:
        effect = _take_tier_event(context, customer, event, now_ms, is_late=is_late)
    if moves_due and _warns(context, customer):
        warn_of_fall(context, customer, now_ms)
    if kind is FollowupScheduled:
        remind_of_followups(context, customer, now_ms)
        moves_due = True
    if rules.retention is not None:
        follow_retention(context, customer, event, now_ms)
        moves_due = True
    if has_features or is_profile:
        effect = effect or Effect(reason_of(event))
        cause = _cause(event, effect.reason, is_late=is_late)
        applied = AppliedEvent(event, effect, tier_before, now_ms, cause)
        _apply_further(context, customer, applied, owner_before)
    if context.messages:
        weigh(context, customer)
    return moves_due or has_features


def _take_order_event(
    context: Context, customer: Customer, event: Event, now_ms: int, *, is_late: bool
) -> Effect:
    rules = context.rules
    today = rules.calendar.day(now_ms)
    before = totals(customer, rules, today)
    effect = ORDER_HANDLERS[type(event)](customer, event, rules, today)
    context.tally.unmatched += effect.unmatched
    if isinstance(event, _WITH_ITEMS) and event.items.left_out:
        context.count(context.tally.left_out, event.type, event.items.left_out)
    cause = _cause(event, effect.reason, is_late=is_late)
    evaluate(context, customer, now_ms, before, cause, reduces=effect.reduces)
    compare_level(context, customer, now_ms, cause, effect.came_back)
    return effect


def _take_tier_event(
    context: Context, customer: Customer, event: Event, now_ms: int, *, is_late: bool
) -> Effect:
    """Apply a tier by hand: it changes no figures, so the level stays."""
    rules = context.rules
    before = totals(customer, rules, rules.calendar.day(now_ms))
    TIER_HANDLERS[type(event)](customer, event, rules)
    evaluate(context, customer, now_ms, before, _cause(event, OVERRIDE, is_late=is_late))
    return Effect(OVERRIDE)


def _take_other_event(
    context: Context, customer: Customer, event: Event, now_ms: int, *, is_late: bool
) -> bool:
    """Apply an event that is about no order; returns whether due instants or the stage changed.

    Orders stay as they are, so the tier does too, unless the policy grades by attributes or by
    satisfaction. An interaction ends only `churned`, and delays only its instant.
    """
    rules, before, kind = context.rules, None, type(event)
    if kind is SurveyAnswered or rules.satisfaction is not None:
        _begin_experience(context, customer, event)
    if rules.grading is not None and grades_by(rules, event):
        before = totals(customer, rules, rules.calendar.day(now_ms))
    there_ms = OTHER_HANDLERS[kind](customer, event)
    if kind is ProfileUpdated:
        keep_newest(customer.attributes, rules)
    elif before is not None:
        take_answer(customer, event)
    moves_level = there_ms is not None and customer.level >= DORMANT
    if before is None and not moves_level:
        return False
    cause = _cause(event, reason_of(event), is_late=is_late)
    if before is not None:
        reduces = kind is ProfileUpdated
        evaluate(context, customer, now_ms, before, cause, reduces=reduces)
    if moves_level and there_ms is not None:
        compare_level(context, customer, now_ms, cause, CameBack(False, there_ms))
    return True


def _begin_experience(context: Context, customer: Customer, event: Event) -> None:
    """Count an answer, and begin to keep answers under a policy that asks for satisfaction."""
    if type(event) is SurveyAnswered and event.survey == CHURN:
        count_reason(context, event)
    elif context.rules.satisfaction is not None:
        if customer.experience is None:
            customer.experience = Experience()
        if type(event) is SurveyAnswered:
            count_answer(context, customer, event)


def _apply_further(
    context: Context, customer: Customer, applied: AppliedEvent, owner_before: str | None
) -> None:
    """Apply an event to the features of the policy, and tell what follows from attributes."""
    if context.rules.has_features:
        _apply_features(context, customer, applied)
    if type(applied.event) is ProfileUpdated:
        tell_refused(context, customer, applied)
        tell_owner(context, customer, owner_before, applied.now_ms, applied.cause)


def _apply_features(context: Context, customer: Customer, applied: AppliedEvent) -> None:
    """Apply an accepted event to care, points and tags."""
    if context.rules.care is not None:
        begin_care(customer, applied.now_ms)
        answered_ms = answer_time(applied.event)
        follow_surveys(customer, context.rules, applied.now_ms, answered_ms)
        follow_service(context, customer, applied)
    if context.rules.points is not None:
        follow_points(context, customer, applied)
    if context.rules.tags is not None:
        follow_tags(context, customer, applied)


# -- an instant


def fire(context: Context, customer: Customer, due_ms: int) -> None:
    """Do what is due for one customer at one instant: the tier first, then levels, the rest."""
    rules = context.rules
    context.tally.due += 1
    today = rules.calendar.day(due_ms)
    is_start = due_ms == rules.calendar.start(today)
    if is_start or is_override_end(customer, due_ms):
        day_before = rules.calendar.previous(today) if is_start else today
        before = totals(customer, rules, day_before)
        left = customer.ledger.evict(rules, today)
        evaluate(context, customer, due_ms, before, Cause(f"time:{due_ms}", tuple(left), TIME))
    reach_levels(context, customer, due_ms)
    if _has_more(context, customer):
        _fire_features(context, customer, due_ms)
    if context.messages:
        weigh(context, customer)


def _has_more(context: Context, customer: Customer) -> bool:
    """Whether more than the tier and the level may be due."""
    if context.rules.has_features or customer.retention is not None:
        return True
    return bool(customer.followups) or _warns(context, customer)


def _warns(context: Context, customer: Customer) -> bool:
    """Whether falls that lie ahead are told."""
    return context.rules.warn_days is not None or customer.expiring is not None


def _fire_features(context: Context, customer: Customer, due_ms: int) -> None:
    """Do what is due of care, points and tags: reminders in the order of their types."""
    if context.rules.care is not None:
        remind(context, customer, due_ms)
    if _warns(context, customer):
        warn_of_fall(context, customer, due_ms)
    if context.rules.points is not None:
        remind_of_expiry(context, customer, due_ms)
    if customer.surveyed is not None:
        remind_of_surveys(context, customer, due_ms)
    if customer.followups:
        remind_of_followups(context, customer, due_ms)
    remind_of_service(context, customer, due_ms)
    if context.rules.points is not None:
        expire_points(context, customer, due_ms, Cause(f"time:{due_ms}", (), EXPIRY))
    if context.rules.tags is not None:
        fire_tags(context, customer, due_ms)


# -- a new policy


def reevaluate(
    context: Context, customer: Customer, old_rules: Rules, now_ms: int, cause: Cause
) -> None:
    """Re-evaluate a customer under rules that have just come into force."""
    rules = context.rules
    today = rules.calendar.day(now_ms)
    before = totals(customer, old_rules, old_rules.calendar.day(now_ms))
    keep_answers(customer, rules)
    keep_messages(context, customer)
    customer.ledger.own_orders()
    customer.ledger.recount(rules)
    customer.ledger.evict(rules, today)
    evaluate(context, customer, now_ms, before, cause)
    compare_level(context, customer, now_ms, cause, None)
    if rules.care is not None:
        restart_refresh(customer, old_rules, rules, now_ms)
    restart_surveys(customer, old_rules, rules, now_ms)
    replan(customer)
    warn_of_fall(context, customer, now_ms)
    remind_of_followups(context, customer, now_ms)
    resume_service(context, customer, now_ms)
    if rules.points is not None:
        expire_points(context, customer, now_ms, cause)
    reevaluate_tags(context, customer, now_ms, cause)
    if context.messages:
        weigh(context, customer)


# -- a merge


def absorb(
    context: Context, customer: Customer, other: Customer, now_ms: int, cause: Cause
) -> None:
    """Join a customer who was merged into this one, and evaluate the result."""
    rules = context.rules
    today = rules.calendar.day(now_ms)
    before = totals(customer, rules, today)
    balance = 0 if customer.points is None else customer.points.balance
    standing_before = customer.tier, balance
    owner_before = customer.owner(rules)
    if rules.points is not None and other.points is not None:
        # The other's clock was behind: points expired by now must not pay what the customer owes.
        other.points.expire(now_ms)
    keep_answers(other, rules)
    joined = join(customer, other, rules, today)
    keep_messages(context, customer)
    context.tally.unmatched += joined.unmatched
    evaluate(context, customer, now_ms, before, cause)
    came_back = came_with(customer, other, joined) if rules.format >= 3 else None
    compare_level(context, customer, now_ms, cause, came_back)
    if rules.care is not None:
        begin_care(customer, now_ms)
    follow_surveys(customer, rules, now_ms, None)
    replan(customer)
    warn_of_fall(context, customer, now_ms)
    remind_of_followups(context, customer, now_ms)
    begin_retention(context, customer, now_ms)
    resume_service(context, customer, now_ms)
    join_points(context, customer, joined, standing_before, now_ms, cause)
    reevaluate_tags(context, customer, now_ms, cause)
    tell_owner(context, customer, owner_before, now_ms, cause)
    if context.messages:
        weigh(context, customer)


def undo_merge(context: Context, customer: Customer, left_ms: int, cause: Cause) -> None:
    """Resume a customer whose merge was refused: the rules may be new.

    New rules apply as if they had come into force when the customer left, at `left_ms`. What has
    become due since then is still to be fired.
    """
    rules = context.rules
    if customer.tier not in rules.rank:
        customer.tier, customer.grace = PROSPECT, None
    customer.ledger.recount(rules)
    customer.ledger.evict(rules, rules.calendar.day(left_ms))
    keep_answers(customer, rules)
    reevaluate(context, customer, rules, left_ms, cause)
    plan(context, customer, left_ms)
