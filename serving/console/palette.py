"""Colours that mean the same on every page, in light and dark."""

from __future__ import annotations

from collections.abc import Sequence

_TIERS = ("#7a5cf0", "#12998c", "#d99a1c", "#3f83d9", "#c2578f", "#7f8b3a")
NOBODY = "#98a2b0"
"""Of what has no value of its own: prospects, the rest."""

LEVELS = {
    "active": "#2f9e6c",
    "at_risk": "#dfa32b",
    "dormant": "#df7b35",
    "churned": "#cf4a5c",
}
STAGES = {"prospect": NOBODY, "new": "#3f83d9", "loyal": "#7a5cf0", **LEVELS}
UP, DOWN = "#2f9e6c", "#cf4a5c"
ACCENT = "#7a5cf0"
SCALE = ("#e9e4fb", "#b9a8f6", "#7a5cf0", "#3d2a99")
"""From little to much."""


def tier_colours(tiers: Sequence[str]) -> dict[str, str]:
    """The colour of each tier, of all tiers from the best down; a prospect has none of its own."""
    ranked = [tier for tier in tiers if tier != "prospect"]
    colours = {tier: _TIERS[place % len(_TIERS)] for place, tier in enumerate(ranked)}
    return {**colours, "prospect": NOBODY}
