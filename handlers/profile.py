"""The public profile of a customer, as of an instant."""

from __future__ import annotations

from msgspec import UNSET

from handlers import outputs
from handlers.health import health_view
from handlers.outputs import Output, Profile, envelope, optional_time, output_id
from handlers.points import points_view
from handlers.satisfaction import satisfaction_view
from handlers.state.customer import Customer, stage_of
from handlers.tags import tags_view
from handlers.tiers import figures_of, keeps_until, next_tier, totals
from scoring.money import text_of_minor
from scoring.rules import LEVELS, Rules
from scoring.timestamps import rfc3339


def profile_of(customer: Customer, rules: Rules, as_of_ms: int) -> Profile:
    """The figures of the business day of `as_of_ms`, at or after the customer's clock."""
    today = rules.calendar.day(as_of_ms)
    ledger = customer.ledger
    found = figures_of(totals(ledger, rules, today))
    rank = rules.rank[customer.tier]
    asked, health, holdout = rules.satisfaction, rules.health, rules.holdout
    grace_until_day = None if customer.grace is None else customer.grace.until_day
    return Profile(
        customer_id=customer.customer_id,
        sequence=customer.sequence,
        attributes=customer.known_attributes,
        marketing_consent=customer.marketing_consent,
        tier=customer.tier,
        stage=stage_of(customer, rules),
        level=LEVELS[customer.level],
        recency_days=None if found is None else found.recency_days,
        frequency=ledger.frequency,
        monetary=text_of_minor(ledger.monetary, rules.base_digits),
        r=None if found is None else found.r,
        f=None if found is None else found.f,
        m=None if found is None else found.m,
        score=None if found is None else found.score,
        segment=None if found is None else found.segment,
        orders_ever=ledger.orders_ever,
        first_order_at=optional_time(ledger.first_order_ms),
        last_order_at=optional_time(ledger.last_order_ms),
        last_interaction_at=optional_time(customer.last_interaction_ms),
        open_tickets=customer.open_tickets,
        next_tier=next_tier(rules, customer, rank),
        keeps_until=keeps_until(rules, customer, rank, today, grace_until_day),
        as_of=rfc3339(as_of_ms),
        policy_version=rules.version,
        satisfaction=UNSET if asked is None else satisfaction_view(customer, asked),
        health=UNSET if health is None else health_view(customer, rules, health, found),
        tags=UNSET if rules.tags is None else tags_view(customer),
        holdout=UNSET if holdout is None else holdout.holds_out(customer.customer_id),
        points=UNSET if rules.points is None else points_view(customer),
    )


def profile_record(customer: Customer, rules: Rules, as_of_ms: int, source: str) -> Output:
    """The record for `customer-profiles`: a null one for who is erased or merged into another."""
    topic, customer_id = outputs.CUSTOMER_PROFILES, customer.customer_id
    if customer.is_gone:
        return Output(topic, customer_id, None)
    profile = profile_of(customer, rules, as_of_ms)
    time = profile.as_of
    identity = output_id(customer_id, outputs.CUSTOMER_PROFILE, f"{time}:{customer.sequence}")
    return Output(
        topic,
        customer_id,
        envelope(source, identity, outputs.CUSTOMER_PROFILE, customer_id, time, profile),
    )
