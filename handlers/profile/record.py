"""The public profile of a customer, as of an instant."""

from __future__ import annotations

from msgspec import UNSET, Struct

from handlers import outputs
from handlers.care.followups import followups_view
from handlers.care.ticket_stages import promises_view
from handlers.care.visits import next_visit_on
from handlers.context import Context
from handlers.events import SurveyAnswered
from handlers.outputs import (
    Output,
    Profile,
    cloud_event,
    digits_view,
    optional_time,
    output_id,
)
from handlers.points.changes import points_view
from handlers.state.customer import Customer, stage_of
from handlers.tags.tagging import tags_view
from handlers.tiers.evaluation import rfm_of, totals
from handlers.tiers.grading import beyond_of
from handlers.tiers.outlook import ahead, keep, keeps_until, next_tier, override_view, pending_view
from scoring.dormancy import LEVELS
from scoring.health_score import (
    PARTS,
    HealthRule,
    Part,
    digit_part,
    health_score,
    level_part,
    satisfaction_part,
    support_part,
)
from scoring.money import text_of_minor
from scoring.policy import Satisfaction
from scoring.rfm import Rfm
from scoring.rules import Rules
from scoring.satisfaction import HOUR_MS, Experience, mean_text, newest
from scoring.timestamps import rfc3339


class SatisfactionView(Struct, frozen=True):
    """Open tickets, survey answers and times to resolution; null where nothing is known.

    Means are exact, as decimal text rounded to two decimals, ties to even.
    """

    open_tickets: int
    open_complaints: int
    csat_last: int | None
    csat_mean: str | None
    csat_answers: int
    nps_last: int | None
    nps_mean: str | None
    nps_answers: int
    resolution_hours_mean: str | None
    resolutions: int


def satisfaction_view(customer: Customer, declared: Satisfaction) -> SatisfactionView:
    """The newest answers and resolutions that the policy asks for, and their means."""
    kept = customer.experience or Experience()
    csat, nps = newest(kept.csat, declared.answers), newest(kept.nps, declared.answers)
    resolutions = newest(kept.resolutions, declared.resolutions)
    return SatisfactionView(
        open_tickets=customer.open_tickets,
        open_complaints=customer.open_complaints,
        csat_last=csat[-1] if csat else None,
        csat_mean=mean_text(csat),
        csat_answers=len(csat),
        nps_last=nps[-1] if nps else None,
        nps_mean=mean_text(nps),
        nps_answers=len(nps),
        resolution_hours_mean=mean_text(resolutions, HOUR_MS),
        resolutions=len(resolutions),
    )


def count_answer(context: Context, customer: Customer, event: SurveyAnswered) -> None:
    """Count a score under the tier of its customer."""
    context.count(context.tally.answers, (event.survey, customer.tier, str(event.score)))


def count_reason(context: Context, event: SurveyAnswered) -> None:
    """Count why somebody left."""
    context.count(context.tally.churn_answers, event.answer or "")


class HealthView(Struct, frozen=True):
    """The score, and each part that has a weight; null where nothing is known."""

    score: int | None
    parts: dict[str, Part]


def health_view(customer: Customer, rules: Rules, rule: HealthRule, rfm: Rfm | None) -> HealthView:
    """The health as of the business day of `rfm` (None for a prospect)."""
    parts = (
        None if rfm is None else digit_part(rfm.r),
        None if rfm is None else digit_part(rfm.f),
        None if rfm is None else digit_part(rfm.m),
        None if rfm is None else level_part(customer.level),
        _satisfaction(customer, rules),
        support_part(
            rule, customer.open_complaints, customer.open_tickets - customer.open_complaints
        ),
    )
    shown = {
        name: part for name, part, weight in zip(PARTS, parts, rule.weights, strict=True) if weight
    }
    return HealthView(health_score(rule, parts), shown)


def _satisfaction(customer: Customer, rules: Rules) -> Part:
    kept, declared = customer.experience, rules.satisfaction
    if kept is None or declared is None:
        return None
    return satisfaction_part(
        newest(kept.csat, declared.answers), newest(kept.nps, declared.answers)
    )


def profile_of(customer: Customer, rules: Rules, as_of_ms: int) -> Profile:
    """The profile as of the business day of `as_of_ms`, at or after the customer's clock."""
    today = rules.calendar.day(as_of_ms)
    ledger = customer.ledger
    rfm = rfm_of(totals(customer, rules, today))
    coming = ahead(rules, customer, as_of_ms)
    churn = customer.churn_answer
    asked, health, holdout = rules.satisfaction, rules.health, rules.holdout
    return Profile(
        customer_id=customer.customer_id,
        sequence=customer.sequence,
        attributes=customer.known_attributes,
        marketing_consent=customer.marketing_consent,
        tier=customer.tier,
        stage=stage_of(customer, rules),
        level=LEVELS[customer.level],
        recency_days=None if rfm is None else rfm.recency_days,
        frequency=ledger.frequency,
        monetary=text_of_minor(ledger.monetary, rules.base_digits),
        r=None if rfm is None else rfm.r,
        f=None if rfm is None else rfm.f,
        m=None if rfm is None else rfm.m,
        score=None if rfm is None else rfm.score,
        segment=None if rfm is None else rfm.segment,
        orders_ever=ledger.orders_ever,
        spend_ever=text_of_minor(ledger.spend_ever, rules.base_digits),
        first_order_at=optional_time(ledger.first_order_ms),
        last_order_at=optional_time(ledger.last_order_ms),
        last_interaction_at=optional_time(customer.last_interaction_ms),
        open_tickets=customer.open_tickets,
        next_tier=next_tier(rules, customer, as_of_ms),
        keeps_until=keeps_until(coming),
        as_of=rfc3339(as_of_ms),
        policy_version=rules.version,
        override=override_view(rules, customer, as_of_ms),
        keep=keep(rules, customer, coming, as_of_ms),
        pending_override=pending_view(rules, customer, as_of_ms),
        dimensions=digits_view(beyond_of(customer, rules)),
        channel_consent={name: agreed for name, (agreed, _) in customer.channels.items()},
        purpose_consent={name: agreed for name, (agreed, _) in customer.purposes.items()},
        satisfaction=UNSET if asked is None else satisfaction_view(customer, asked),
        health=UNSET
        if health is None or customer.refuses_profiling
        else health_view(customer, rules, health, rfm),
        tags=UNSET if rules.tags is None else tags_view(customer),
        holdout=UNSET if holdout is None else holdout.holds_out(customer.customer_id),
        points=UNSET if rules.points is None else points_view(customer),
        followups=followups_view(customer) or UNSET,
        churn_answer=UNSET if churn is None else churn.answer,
        churn_answered_at=UNSET if churn is None else rfc3339(churn.at_ms),
        promises=UNSET
        if rules.care is None or rules.care.tickets is None
        else promises_view(rules, customer, as_of_ms),
        next_visit_on=UNSET
        if rules.care is None or rules.care.visits is None
        else next_visit_on(rules, customer),
        owner=UNSET if rules.owner_attribute is None else customer.owner(rules),
    )


def profile_record(customer: Customer, rules: Rules, as_of_ms: int, source: str) -> Output:
    """The record for `customer-profiles`; null if the customer was erased or merged away."""
    topic, customer_id = outputs.CUSTOMER_PROFILES, customer.customer_id
    if customer.is_gone:
        return Output(topic, customer_id, None)
    profile = profile_of(customer, rules, as_of_ms)
    time = profile.as_of
    identity = output_id(customer_id, outputs.CUSTOMER_PROFILE, f"{time}:{customer.sequence}")
    return Output(
        topic,
        customer_id,
        cloud_event(source, identity, outputs.CUSTOMER_PROFILE, customer_id, time, profile),
    )
