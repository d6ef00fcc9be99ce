"""The public profile of a customer, as of an instant."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

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
    ledger, digits, care = customer.ledger, rules.base_digits, rules.care
    rfm = rfm_of(totals(customer, rules, rules.calendar.day(as_of_ms)))
    coming = ahead(rules, customer, as_of_ms)
    churn = customer.churn_answer
    # By place, in the order of the declaration: by name it takes as long as all the rest.
    return Profile(
        customer.customer_id,
        customer.sequence,
        customer.known_attributes,
        customer.marketing_consent,
        customer.tier,
        stage_of(customer, rules),
        LEVELS[customer.level],
        None if rfm is None else rfm.recency_days,
        ledger.frequency,
        text_of_minor(ledger.monetary, digits),
        None if rfm is None else rfm.r,
        None if rfm is None else rfm.f,
        None if rfm is None else rfm.m,
        None if rfm is None else rfm.score,
        None if rfm is None else rfm.segment,
        ledger.orders_ever,
        text_of_minor(ledger.spend_ever, digits),
        optional_time(ledger.first_order_ms),
        optional_time(ledger.last_order_ms),
        optional_time(customer.last_interaction_ms),
        customer.open_tickets,
        next_tier(rules, customer, as_of_ms),
        keeps_until(coming),
        rfc3339(as_of_ms),
        rules.version,
        override_view(rules, customer, as_of_ms),
        keep(rules, customer, coming, as_of_ms),
        pending_view(rules, customer, as_of_ms),
        {name: agreed for name, (agreed, _) in customer.channels.items()},
        {name: agreed for name, (agreed, _) in customer.purposes.items()},
        digits_view(beyond_of(customer, rules)),
        _satisfaction_of(customer, rules),
        _health_of(customer, rules, rfm),
        UNSET if rules.holdout is None else rules.holdout.holds_out(customer.customer_id),
        UNSET if rules.tags is None else tags_view(customer),
        UNSET if rules.points is None else points_view(customer),
        (followups_view(customer) or UNSET) if customer.followups else UNSET,
        UNSET if churn is None else churn.answer,
        UNSET if churn is None else rfc3339(churn.at_ms),
        UNSET if care is None or care.tickets is None else promises_view(rules, customer, as_of_ms),
        UNSET if care is None or care.visits is None else next_visit_on(rules, customer),
        UNSET if rules.owner_attribute is None else customer.owner(rules),
    )


def _satisfaction_of(customer: Customer, rules: Rules) -> SatisfactionView | UnsetType:
    asked = rules.satisfaction
    return UNSET if asked is None else satisfaction_view(customer, asked)


def _health_of(customer: Customer, rules: Rules, rfm: Rfm | None) -> HealthView | UnsetType:
    rule = rules.health
    if rule is None or customer.refuses_profiling:
        return UNSET
    return health_view(customer, rules, rule, rfm)


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
