"""Grades beyond orders: conditions on attributes, and dimensions of the score.

Both stay as they are while time passes, so they are looked up once for each evaluation.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from scoring.policy import AttributeCondition, Dimension, Policy, Tier

KEPT_ANSWERS = 5
"""The CSAT answers, newest by time, whose mean is the satisfaction."""
ATTRIBUTES, DIMENSIONS = "attributes.", "dimensions."
"""What the names of such measures begin with."""
_IS_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII).fullmatch

Attributes = Mapping[str, tuple[str, int]]
"""Value and time of each attribute; an empty text stands for a removed one."""
Said = dict[str, str | bool | list[str]]
"""A condition on an attribute as it stands in the policy, by operator."""


def decimal_of(text: str) -> Fraction | None:
    """A plain decimal exactly, a minus allowed; None if the text is none."""
    return Fraction(text) if _IS_DECIMAL(text) else None


class Comparison(NamedTuple):
    """One operator of a condition on an attribute."""

    operator: str
    """`min`, `max`, `in`, `not_in` or `present`."""
    bound: Fraction | None = None
    texts: tuple[str, ...] = ()

    def holds(self, value: str | None) -> bool:
        """Whether a value passes; absent (None) it fails all but `not_in`."""
        if value is None:
            return self.operator == "not_in"
        if self.operator == "in":
            return value in self.texts
        if self.operator == "not_in":
            return value not in self.texts
        if self.bound is None:
            return True
        number = decimal_of(value)
        if number is None:
            return False
        return number >= self.bound if self.operator == "min" else number <= self.bound


class AttributeRule(NamedTuple):
    """What a tier asks of one attribute: all tests must pass."""

    name: str
    tests: tuple[Comparison, ...]
    said: AttributeCondition

    @property
    def measure(self) -> str:
        """The name of the measure."""
        return ATTRIBUTES + self.name

    def found(self, beyond: Beyond) -> str | None:
        """The value of a customer; None if there is none."""
        return next((value for name, value in beyond.attributes if name == self.name), None)

    def holds(self, beyond: Beyond) -> bool:
        """Whether all tests pass."""
        return self.passes(self.found(beyond))

    def passes(self, value: str | None) -> bool:
        """Whether all tests pass for a value."""
        return all(test.holds(value) for test in self.tests)

    @property
    def cutoff(self) -> Said:
        """The condition as in the policy."""
        said = self.said
        named = (("min", said.min), ("max", said.max), ("in", said.is_in), ("not_in", said.not_in))
        found: Said = {}
        for operator, value in named:
            if value is not None:
                found[operator] = value if isinstance(value, str) else list(value)
        if said.present:
            found["present"] = True
        return found


class DigitRule(NamedTuple):
    """The least digit of a dimension that a tier asks for."""

    name: str
    least: int

    @property
    def measure(self) -> str:
        """The name of the measure."""
        return DIMENSIONS + self.name

    def found(self, beyond: Beyond) -> int | None:
        """The digit of a customer; None if the policy then had no such dimension."""
        return next((digit for name, digit in beyond.digits if name == self.name), None)

    def holds(self, beyond: Beyond) -> bool:
        """Whether the digit is reached."""
        digit = self.found(beyond)
        return digit is not None and digit >= self.least

    @property
    def cutoff(self) -> int:
        """The condition as in the policy."""
        return self.least


BeyondRule = AttributeRule | DigitRule


class DimensionRule(NamedTuple):
    """A dimension: how the digit follows from an attribute, or from the mean of CSAT answers."""

    name: str
    attribute: str | None
    """None: satisfaction."""
    cutoffs: tuple[Fraction, ...]
    said: tuple[str, ...]
    """The cut-offs as in the policy."""
    values: Mapping[str, int]
    default: int
    weight: int

    def digit(self, attributes: Attributes, csat: Sequence[int]) -> int:
        """The digit from 1 to 5 of a customer with these attributes and answers."""
        return self.reached(attributes, csat) or self.default

    def reached(self, attributes: Attributes, csat: Sequence[int]) -> int | None:
        """The digit that they give; None if there is nothing that gives one."""
        if self.attribute is None:
            found = Fraction(sum(csat), len(csat)) if csat else None
        else:
            text = attributes.get(self.attribute, ("", 0))[0]
            if self.values:
                return self.values.get(text)
            found = decimal_of(text)
        return None if found is None else 1 + bisect_right(self.cutoffs, found)


class Beyond(NamedTuple):
    """What a customer is graded by beside orders, under one policy."""

    attributes: tuple[tuple[str, str], ...]
    """Those that conditions name, by name."""
    digits: tuple[tuple[str, int], ...]
    """Of each dimension, in the policy's order."""
    points: int
    """What the dimensions add to the sum of weight * (digit - 1)."""
    closed: frozenset[int]
    """The ranks of the tiers of which some condition on attributes or dimensions does not hold."""

    @property
    def nameless(self) -> Beyond:
        """Without what the customer told: enough to say which tiers figures qualify for."""
        return self._replace(attributes=(), digits=())


class Grading:
    """What a policy asks for beyond orders."""

    def __init__(self, policy: Policy, weights: Sequence[int]) -> None:
        self.dimensions = tuple(
            _dimension(declared, weight)
            for declared, weight in zip(policy.dimensions, weights, strict=True)
        )
        self.tiers = tuple(tuple(_rules_of(tier)) for tier in policy.tiers)
        """The conditions of each tier, by rank."""
        self.names = frozenset(name for tier in policy.tiers for name in tier.attributes)
        """The attributes that conditions name."""
        self.asks_satisfaction = any(each.attribute is None for each in self.dimensions)

    def beyond(self, attributes: Attributes, answers: Sequence[tuple[int, int]]) -> Beyond:
        """What a customer with these attributes is graded by; `answers` have time and score."""
        csat = [score for _, score in answers]
        known = [(name, attributes.get(name, ("", 0))[0]) for name in sorted(self.names)]
        digits = [one.digit(attributes, csat) for one in self.dimensions]
        found = Beyond(
            tuple((name, value) for name, value in known if value),
            tuple((one.name, digit) for one, digit in zip(self.dimensions, digits, strict=True)),
            sum(
                one.weight * (digit - 1) for one, digit in zip(self.dimensions, digits, strict=True)
            ),
            frozenset(),
        )
        closed = (
            rank
            for rank, rules in enumerate(self.tiers)
            if not all(rule.holds(found) for rule in rules)
        )
        return found._replace(closed=frozenset(closed))


def grading_of(policy: Policy, weights: Sequence[int]) -> Grading | None:
    """What a policy asks for beyond orders; None if it asks for nothing.

    Args:
        policy: as declared.
        weights: of the dimensions, as integers of the same unit as those of R, F and M.
    """
    asks = any(tier.attributes or tier.min_dimensions for tier in policy.tiers)
    return Grading(policy, weights) if asks or policy.dimensions else None


def attributes_of(policy: Policy) -> Iterator[str]:
    """The attributes that grades follow from."""
    for tier in policy.tiers:
        yield from tier.attributes
    for dimension in policy.dimensions:
        if dimension.attribute is not None:
            yield dimension.attribute


def _dimension(declared: Dimension, weight: int) -> DimensionRule:
    return DimensionRule(
        declared.name,
        declared.attribute if declared.source == "attribute" else None,
        tuple(Fraction(text) for text in declared.cutoffs),
        declared.cutoffs,
        declared.values,
        declared.default,
        weight,
    )


def _rules_of(tier: Tier) -> Iterator[BeyondRule]:
    for name, said in tier.attributes.items():
        yield AttributeRule(name, tuple(_tests(said)), said)
    for name, least in tier.min_dimensions.items():
        yield DigitRule(name, least)


def _tests(said: AttributeCondition) -> Iterator[Comparison]:
    if said.min is not None:
        yield Comparison("min", Fraction(said.min))
    if said.max is not None:
        yield Comparison("max", Fraction(said.max))
    if said.is_in is not None:
        yield Comparison("in", texts=said.is_in)
    if said.not_in is not None:
        yield Comparison("not_in", texts=said.not_in)
    if said.present:
        yield Comparison("present")
