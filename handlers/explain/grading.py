"""Which conditions on attributes and dimensions hold, and what digits follow from."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from handlers.explain.model import ConditionHeld, DimensionWhy
from handlers.state.customer import Customer
from scoring.grading import AttributeRule, DigitRule, DimensionRule
from scoring.rfm import Rfm
from scoring.rules import Rules

_COMPARISONS = {
    "min": "at_least",
    "max": "at_most",
    "in": "in",
    "not_in": "not_in",
    "present": "present",
}


def conditions_beyond(rules: Rules, rank: int, rfm: Rfm | None) -> Iterator[ConditionHeld]:
    """The conditions of a tier on attributes and dimensions, each operator by itself."""
    if rules.grading is None:
        return
    for rule in rules.grading.tiers[rank]:
        if isinstance(rule, DigitRule):
            yield _digit_held(rule, rfm)
        else:
            yield from _attribute_held(rule, rfm)


def _digit_held(rule: DigitRule, rfm: Rfm | None) -> ConditionHeld:
    digit = None if rfm is None or rfm.beyond is None else rule.found(rfm.beyond)
    return ConditionHeld(
        measure=rule.measure,
        comparison="at_least",
        required=rule.least,
        found=digit,
        margin=None if digit is None else digit - rule.least,
        holds=digit is not None and digit >= rule.least,
    )


def _attribute_held(rule: AttributeRule, rfm: Rfm | None) -> Iterator[ConditionHeld]:
    beyond = None if rfm is None else rfm.beyond
    value, said = None if beyond is None else rule.found(beyond), rule.cutoff
    for test in rule.tests:
        asked = said[test.operator]
        yield ConditionHeld(
            measure=rule.measure,
            comparison=_COMPARISONS[test.operator],  # type: ignore[arg-type]  # one of these five
            required=None if isinstance(asked, bool) else asked,
            found=value,
            margin=None,
            holds=beyond is not None and test.holds(value),
        )


def dimensions_why(customer: Customer, rules: Rules) -> list[DimensionWhy] | None:
    """The digits of dimensions, in the policy's order; None under a policy without any."""
    if rules.grading is None or not rules.grading.dimensions:
        return None
    return [_dimension_why(customer, rule) for rule in rules.grading.dimensions]


def _dimension_why(customer: Customer, rule: DimensionRule) -> DimensionWhy:
    csat = [score for _, score in customer.csat]
    by_attribute = rule.attribute is not None
    found = customer.known_attributes.get(rule.attribute or "") if by_attribute else _mean(csat)
    return DimensionWhy(
        name=rule.name,
        attribute=rule.attribute,
        found=found,
        answers=None if by_attribute else len(csat),
        cutoffs=[*rule.said],
        values=dict(rule.values),
        is_default=rule.reached(customer.attributes, csat) is None,
        result=rule.digit(customer.attributes, csat),
        weight=rule.weight,
    )


def _mean(csat: list[int]) -> str | None:
    """The exact mean: a whole number, or a fraction such as `13/3`."""
    return str(Fraction(sum(csat), len(csat))) if csat else None
