"""What values are called, and which colour they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from serving.console import marks
from serving.console.palette import ACCENT, LEVELS, STAGES, tier_colours
from words import Words

_TERMS = ("stage", "level", "segment")


def ranked_tiers(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The tiers of figures by tier, from the highest revenue a customer down, prospects last."""

    def rank(row: Mapping[str, Any]) -> tuple[bool, Decimal, str]:
        mean = Decimal(row["spend"]) / max(1, row["customers"])
        return row["value"] == "prospect", -mean, row["value"]

    return [row["value"] for row in sorted(rows, key=rank)]


def in_order(facet: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The values of a facet as people count them up, from rows of figures."""
    rows = list(rows)
    if facet == "tier":
        return ranked_tiers(rows)
    there = [row["value"] for row in rows]
    known = STAGES if facet == "stage" else LEVELS if facet == "level" else there
    return [value for value in known if value in there]


def colours_of(facet: str, values: list[str]) -> dict[str, str]:
    """The colour of each value of a facet, which are in order."""
    if facet == "tier":
        return tier_colours(values)
    return {value: STAGES.get(value, ACCENT) for value in values}


def value_name(facet: str, value: str | None, words: Words) -> str:
    """What a value of a facet is called."""
    if not value:
        return marks.NONE
    if facet in _TERMS:
        return words.term(facet, value)
    return words.term("stage", value) if value == "prospect" else value


def share(found: float | None, words: Words) -> str:
    """A share of 1 with one decimal."""
    return marks.NONE if found is None else words.percent(found, 1)


def attribute_name(name: str, words: Words) -> str:
    """What an attribute is called; its own name where it is none of those that we know."""
    known = {
        "name": words.say("Name"),
        "email": words.say("E-mail"),
        "phone": words.say("Phone"),
        "registered_at": words.say("Registered"),
        "birth_date": words.say("Birth date"),
        "gender": words.say("Gender"),
        "region": words.say("Region"),
        "city_tier": words.say("City tier"),
        "occupation": words.say("Occupation"),
    }
    return known.get(name, name)
