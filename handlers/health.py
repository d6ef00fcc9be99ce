"""The health of a customer as the profile shows it."""

from __future__ import annotations

from msgspec import Struct

from handlers.state.customer import Customer
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
from scoring.rfm import Figures
from scoring.rules import Rules
from scoring.satisfaction import newest


class HealthView(Struct, frozen=True):
    """The score, and each part that has a weight; null where nothing is known."""

    score: int | None
    parts: dict[str, Part]


def health_view(
    customer: Customer, rules: Rules, rule: HealthRule, found: Figures | None
) -> HealthView:
    """The health as of the business day of `found`, the figures (None for a prospect)."""
    parts = (
        None if found is None else digit_part(found.r),
        None if found is None else digit_part(found.f),
        None if found is None else digit_part(found.m),
        None if found is None else level_part(customer.level),
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
