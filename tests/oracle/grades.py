"""Grading beyond orders: what attributes and satisfaction say of a customer."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle.money import is_plain_decimal
from tests.oracle.policy import Policy

MOST_SCORES = 5


@dataclass(frozen=True)
class Grades:
    """The attributes a customer has, and the digits of the policy's dimensions, by name."""

    attributes: dict[str, str]
    digits: dict[str, int]


NO_GRADES = Grades({}, {})


def is_by_satisfaction(policy: Policy) -> bool:
    """Whether the policy grades by satisfaction, so that scores are to be kept."""
    return any(each["source"] == "satisfaction" for each in policy.dimensions)


def grades_of(attributes: dict[str, str], scores: list[int], policy: Policy) -> Grades:
    """From the attributes that have a value, and the CSAT scores, the newest last."""
    digits = {each["name"]: _digit(each, attributes, scores) for each in policy.dimensions}
    return Grades(dict(attributes), digits)


def _digit(dimension: dict[str, Any], attributes: dict[str, str], scores: list[int]) -> int:
    default = int(dimension["default"])
    if dimension["source"] == "satisfaction":
        newest = scores[-MOST_SCORES:]
        value = Fraction(sum(newest), len(newest)) if newest else None
    else:
        text = attributes.get(dimension["attribute"])
        if dimension.get("values"):
            return int(dimension["values"].get(text, default))
        value = _decimal(text)
    if value is None:
        return default
    return 1 + sum(value >= Fraction(str(cutoff)) for cutoff in dimension["cutoffs"])


def _decimal(text: str | None) -> Fraction | None:
    return Fraction(text) if text is not None and is_plain_decimal(text) else None


def fits(condition: dict[str, Any], text: str | None) -> bool:
    """Whether a tier's condition on an attribute holds, None for one that is absent."""
    return all(_holds(operator, operand, text) for operator, operand in condition.items())


def _holds(operator: str, operand: Any, text: str | None) -> bool:
    value = _decimal(text)
    match operator:
        case "min":
            return value is not None and value >= Fraction(str(operand))
        case "max":
            return value is not None and value <= Fraction(str(operand))
        case "in":
            return text in operand
        case "not_in":
            return text not in operand
        case "present":
            return text is not None or not operand
    raise AssertionError(operator)
