"""What values are called, and which colour they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from scoring.rules import PROSPECT
from serving.console import marks
from serving.console.known_policy import PolicyWords
from serving.console.palette import ACCENT, LEVELS, STAGES, tier_colours

_TERMS = ("stage", "level", "segment")


def ranked_tiers(rows: Iterable[Mapping[str, Any]], words: PolicyWords) -> list[str]:
    """The tiers from the best down, as the policy has them, prospects last.

    Tiers that the policy does not have, or all while none is known, follow from the highest revenue
    a customer down.
    """
    ranks = {tier: place for place, tier in enumerate(words.tiers)}

    def rank(row: Mapping[str, Any]) -> tuple[bool, int, Decimal, str]:
        tier, mean = row["value"], Decimal(row["spend"]) / max(1, row["customers"])
        return tier == PROSPECT, ranks.get(tier, len(ranks)), -mean, tier

    there = [row["value"] for row in sorted(rows, key=rank)]
    return [*words.tiers, *[tier for tier in there if tier not in ranks]]


def in_order(facet: str, rows: Iterable[Mapping[str, Any]], words: PolicyWords) -> list[str]:
    """The values of a facet as people count them up, from rows of figures."""
    rows = list(rows)
    there = [row["value"] for row in rows]
    if facet == "tier":
        return [tier for tier in ranked_tiers(rows, words) if tier in there]
    known = STAGES if facet == "stage" else LEVELS if facet == "level" else there
    return [value for value in known if value in there]


def colours_of(facet: str, values: list[str], words: PolicyWords) -> dict[str, str]:
    """The colour of each value of a facet, which are in order."""
    if facet == "tier":
        return tier_colours([*words.tiers, *[tier for tier in values if tier not in words.tiers]])
    return {value: STAGES.get(value, ACCENT) for value in values}


def value_name(facet: str, value: str | None, words: PolicyWords) -> str:
    """What a value of a facet is called."""
    if not value:
        return marks.NONE
    if facet in _TERMS:
        return words.term(facet, value)
    return words.tier(value) if facet == "tier" else value


def share(found: float | None, words: PolicyWords) -> str:
    """A share of 1 with one decimal."""
    return marks.NONE if found is None else words.percent(found, 1)


def attribute_name(name: str, words: PolicyWords) -> str:
    """What an attribute is called; its own name where it is none of those that we know."""
    return words.term("attribute", name)


def tier_mark(tier: str, words: PolicyWords) -> marks.Named:
    """A tier in its colour."""
    return marks.Named(words.tier(tier), colours_of("tier", [tier], words)[tier])
