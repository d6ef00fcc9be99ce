"""Explains a customer's state: which rule and which number each part of it follows from.

It computes nothing in its own way: RFM, tiers and instants come from the functions that decide
them.
"""

from __future__ import annotations

from handlers.care.ticket_stages import promises_view
from handlers.explain.contact import contact_why
from handlers.explain.due import due_next, ever, level_why
from handlers.explain.features import (
    health_why,
    points_why,
    satisfaction_why,
    tags_why,
    weights_why,
)
from handlers.explain.grading import dimensions_why
from handlers.explain.model import (
    ConsentWhy,
    DigitWhy,
    Explanation,
    Position,
    ScoreWhy,
    TicketWhy,
    Who,
)
from handlers.explain.orders import date_of, orders_why, waiting_why
from handlers.explain.reminders import reminders_why, surveys_why, visits_why
from handlers.explain.tier import measured, tier_why
from handlers.outputs import rfm_view
from handlers.state.customer import Customer, stage_of
from handlers.suppression import suppressed
from handlers.tiers.evaluation import rfm_of, totals
from scoring.rfm import Rfm
from scoring.rules import Rules
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
    churn = customer.churn_answer
    rfm = rfm_of(totals(customer, rules, today))
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
            None if churn is None else churn.answer,
            None if churn is None else rfc3339(churn.at_ms),
        ),
        tier=tier_why(customer, rules, rfm, clock_ms),
        score=None if rfm is None else _score_why(customer, rules, rfm),
        orders=orders_why(customer.ledger, rules),
        level=level_why(customer, rules, clock_ms),
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
        surveys=surveys_why(customer),
        promises=None
        if rules.care is None or rules.care.tickets is None
        else promises_view(rules, customer, clock_ms),
        visits=visits_why(customer),
        contact=contact_why(customer, rules, clock_ms),
        satisfaction=satisfaction_why(customer, rules),
        health=health_why(customer, rules, rfm),
        holdout=None if rules.holdout is None else rules.holdout.holds_out(customer.customer_id),
        tags=tags_why(customer, rules),
        weights=weights_why(customer, rules, today),
        suppressed=suppressed(rules, customer),
    )


def _consents(said: dict[str, tuple[bool, int]]) -> list[ConsentWhy]:
    return [
        ConsentWhy(name, agreed, rfc3339(at_ms)) for name, (agreed, at_ms) in sorted(said.items())
    ]


def _score_why(customer: Customer, rules: Rules, rfm: Rfm) -> ScoreWhy:
    wr, wf, wm = rules.weights
    view = rfm_view(rfm, rules)
    assert view is not None
    money = [measured(rules, "monetary", cutoff) for cutoff in rules.monetary_cutoffs]
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
        points=wr * (rfm.r - 1)
        + wf * (rfm.f - 1)
        + wm * (rfm.m - 1)
        + (0 if rfm.beyond is None else rfm.beyond.points),
        most_points=rules.most_points,
        dimensions=dimensions_why(customer, rules),
    )
