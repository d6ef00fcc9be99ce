"""Explains a customer's state: which rule and which number each part of it follows from.

It computes nothing in its own way: RFM, tiers and instants come from the functions that decide
them.
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
    ConsentWhy,
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
from handlers.state.customer import Customer, stage_of
from handlers.tier_outlook import ahead, keeps_until, next_tier
from handlers.tiers import rfm_of, totals
from scoring.money import text_of_minor
from scoring.rfm import Rfm
from scoring.rules import MONEY, Condition, Rules
from scoring.tiers import holds, qualified_rank, transition
from scoring.timestamps import NEVER_MS, rfc3339


def explain(customer: Customer, rules: Rules, clock_ms: int) -> Explanation:
    """The state of a customer as of its clock, and why it is so.

    Args:
        customer: not erased, and last evaluated under these rules.
        rules: in force.
        clock_ms: the customer's clock in epoch milliseconds.
    """
    assert not customer.erased
    today = rules.calendar.day(clock_ms)
    rfm = rfm_of(totals(customer.ledger, rules, today))
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
            _consents(customer.channels),
            _consents(customer.purposes),
        ),
        tier=_tier_why(customer, rules, rfm, clock_ms),
        score=None if rfm is None else _score_why(rules, rfm),
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
        health=health_why(customer, rules, rfm),
        holdout=None if rules.holdout is None else rules.holdout.holds_out(customer.customer_id),
        tags=tags_why(customer, rules),
        weights=weights_why(customer, rules, today),
    )


def _consents(said: dict[str, tuple[bool, int]]) -> list[ConsentWhy]:
    return [
        ConsentWhy(name, agreed, rfc3339(at_ms)) for name, (agreed, at_ms) in sorted(said.items())
    ]


def _tier_why(customer: Customer, rules: Rules, rfm: Rfm | None, clock_ms: int) -> TierWhy:
    rank = rules.rank[customer.tier]
    qualified = qualified_rank(rules, rfm)
    grace = customer.grace
    return TierWhy(
        name=customer.tier,
        qualifies_for=rules.tier_name(qualified),
        current=None if rank == rules.prospect_rank else _tier_held(rules, rank, rfm),
        above=None if rank == 0 else _tier_held(rules, rank - 1, rfm),
        next_tier=next_tier(rules, customer, clock_ms),
        grace=None if grace is None else _grace_held(customer, rules, qualified),
        keeps_until=keeps_until(ahead(rules, customer, clock_ms)),
    )


def _tier_held(rules: Rules, rank: int, rfm: Rfm | None) -> TierHeld:
    conditions = [
        _condition_held(rules, condition, rfm) for condition in rules.tiers[rank].conditions
    ]
    return TierHeld(
        rules.tier_name(rank),
        rules.policy.tiers[rank].label,
        rfm is not None and all(condition.holds for condition in conditions),
        conditions,
    )


def _condition_held(rules: Rules, condition: Condition, rfm: Rfm | None) -> ConditionHeld:
    measure, cutoff = condition.measure, condition.cutoff
    value = None if rfm is None else rfm[condition.measure_at]
    margin = None
    if value is not None:
        margin = cutoff - value if condition.at_most else value - cutoff
    return ConditionHeld(
        measure=measure,
        comparison="at_most" if condition.at_most else "at_least",
        required=_measured(rules, measure, cutoff),
        found=None if value is None else _measured(rules, measure, value),
        margin=None if margin is None else _measured(rules, measure, margin),
        holds=holds(condition, rfm),
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


def _score_why(rules: Rules, rfm: Rfm) -> ScoreWhy:
    wr, wf, wm = rules.weights
    view = rfm_view(rfm, rules)
    assert view is not None
    money = [_measured(rules, "monetary", cutoff) for cutoff in rules.monetary_cutoffs]
    return ScoreWhy(
        figures=view,
        digits=[
            DigitWhy(
                "r",
                "recency_days",
                rfm.recency_days,
                [*rules.recency_cutoffs],
                5 - rfm.r,
                rfm.r,
                wr,
            ),
            DigitWhy(
                "f",
                "frequency",
                rfm.frequency,
                [*rules.frequency_cutoffs],
                rfm.f - 1,
                rfm.f,
                wf,
            ),
            DigitWhy("m", "monetary", view.monetary, money, rfm.m - 1, rfm.m, wm),
        ],
        points=wr * (rfm.r - 1) + wf * (rfm.f - 1) + wm * (rfm.m - 1),
        most_points=4 * (wr + wf + wm),
    )


def _measured(rules: Rules, measure: str, value: int) -> Measured:
    return text_of_minor(value, rules.base_digits) if measure in MONEY else value
