"""Holds a customer's state against the rules and tells, figure by figure, what follows from what.

It works nothing out in a way of its own: figures, tiers, instants come from the same functions
that decide them.
"""

from __future__ import annotations

from handlers.explain.due import due_next, ever, level_why
from handlers.explain.features import (
    health_why,
    points_why,
    reminders_why,
    satisfaction_why,
    tags_why,
    weights_why,
)
from handlers.explain.model import (
    ConditionHeld,
    DigitWhy,
    Explanation,
    GraceHeld,
    Measured,
    Position,
    ScoreWhy,
    TicketWhy,
    TierHeld,
    TierWhy,
    Who,
)
from handlers.explain.orders import date_of, orders_why, waiting_why
from handlers.outputs import crossed_view, rfm_view
from handlers.state.customer import NEVER_MS, Customer, stage_of
from handlers.tiers import keeps_until, next_tier, rfm_of, totals
from scoring.money import text_of_minor
from scoring.rfm import Rfm
from scoring.rules import Condition, Rules
from scoring.tiers import holds, qualified_rank, transition
from scoring.timestamps import rfc3339


def explain(customer: Customer, rules: Rules, clock_ms: int) -> Explanation:
    """What the customer is as of its clock (epoch ms), and why.

    Args:
        customer: not erased, and evaluated under these rules.
        rules: in force.
        clock_ms: the customer's clock, `handlers.partition.Partition.clock_of`.
    """
    assert not customer.erased
    today = rules.calendar.day(clock_ms)
    found = rfm_of(totals(customer.ledger, rules, today))
    return Explanation(
        customer_id=customer.customer_id,
        as_of=rfc3339(clock_ms),
        business_day=date_of(today),
        timezone=rules.policy.timezone,
        policy_version=rules.version,
        newest_event_at=ever(customer.newest_ms),
        stage=stage_of(customer, rules),
        who=Who(
            sorted(customer.known_attributes),
            ever(max((at_ms for _, at_ms in customer.attributes.values()), default=NEVER_MS)),
            customer.marketing_consent,
            ever(customer.consent_ms),
            customer.also,
        ),
        tier=_tier_why(customer, rules, found, today),
        score=None if found is None else _score_why(rules, found),
        orders=orders_why(customer.ledger, rules),
        level=level_why(customer, rules),
        due=due_next(customer, rules),
        waiting=[waiting_why(change, rules) for change in customer.ledger.waiting],
        open_tickets=[
            TicketWhy(ticket.ticket_id, ticket.kind, rfc3339(ticket.changed_ms))
            for ticket in customer.tickets
            if ticket.is_open
        ],
        position=Position(customer.applied, customer.epoch, customer.sequence),
        points=points_why(customer, rules),
        reminders=reminders_why(customer, rules, clock_ms),
        satisfaction=satisfaction_why(customer, rules),
        health=health_why(customer, rules, found),
        holdout=None if rules.holdout is None else rules.holdout.holds_out(customer.customer_id),
        tags=tags_why(customer, rules),
        weights=weights_why(customer, rules, today),
    )


def _tier_why(customer: Customer, rules: Rules, found: Rfm | None, today: int) -> TierWhy:
    rank = rules.rank[customer.tier]
    qualified = qualified_rank(rules, found)
    grace = customer.grace
    return TierWhy(
        name=customer.tier,
        qualifies_for=rules.tier_name(qualified),
        current=None if rank == rules.prospect_rank else _tier_held(rules, rank, found),
        above=None if rank == 0 else _tier_held(rules, rank - 1, found),
        next_tier=next_tier(rules, customer, rank),
        grace=None if grace is None else _grace_held(customer, rules, qualified),
        keeps_until=keeps_until(
            rules, customer, rank, today, None if grace is None else grace.until_day
        ),
    )


def _tier_held(rules: Rules, rank: int, found: Rfm | None) -> TierHeld:
    conditions = [
        _condition_held(rules, condition, found) for condition in rules.tiers[rank].conditions
    ]
    return TierHeld(
        rules.tier_name(rank),
        rules.policy.tiers[rank].label,
        found is not None and all(condition.holds for condition in conditions),
        conditions,
    )


def _condition_held(rules: Rules, condition: Condition, found: Rfm | None) -> ConditionHeld:
    measure, cutoff = condition.measure, condition.cutoff
    value = None if found is None else found[condition.measure_at]
    margin = None
    if value is not None:
        margin = cutoff - value if condition.at_most else value - cutoff
    return ConditionHeld(
        measure=measure,
        comparison="at_most" if condition.at_most else "at_least",
        required=_measured(rules, measure, cutoff),
        found=None if value is None else _measured(rules, measure, value),
        margin=None if margin is None else _measured(rules, measure, margin),
        holds=holds(condition, found),
    )


def _grace_held(customer: Customer, rules: Rules, qualified: int) -> GraceHeld:
    grace = customer.grace
    assert grace is not None
    fall = transition(
        rules,
        rules.rank[customer.tier],
        qualified,
        grace.until_day,
        grace.until_day,
        lowered_by_event=False,
    )
    return GraceHeld(
        rfc3339(rules.calendar.start(grace.until_day)),
        rules.tier_name(fall.rank),
        [crossed_view(crossed, rules) for crossed in grace.crossed],
    )


def _score_why(rules: Rules, found: Rfm) -> ScoreWhy:
    wr, wf, wm = rules.weights
    view = rfm_view(found, rules)
    assert view is not None
    money = [_measured(rules, "monetary", cutoff) for cutoff in rules.monetary_cutoffs]
    return ScoreWhy(
        figures=view,
        digits=[
            DigitWhy(
                "r",
                "recency_days",
                found.recency_days,
                [*rules.recency_cutoffs],
                5 - found.r,
                found.r,
                wr,
            ),
            DigitWhy(
                "f",
                "frequency",
                found.frequency,
                [*rules.frequency_cutoffs],
                found.f - 1,
                found.f,
                wf,
            ),
            DigitWhy("m", "monetary", view.monetary, money, found.m - 1, found.m, wm),
        ],
        points=wr * (found.r - 1) + wf * (found.f - 1) + wm * (found.m - 1),
        most_points=4 * (wr + wf + wm),
    )


def _measured(rules: Rules, measure: str, value: int) -> Measured:
    return text_of_minor(value, rules.base_digits) if measure == "monetary" else value
