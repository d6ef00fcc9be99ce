"""The section `[dormancy]` of a policy."""

from __future__ import annotations

from fractions import Fraction

from config.toml_table import TomlTable
from scoring.policy import Cadence, Dormancy, DormancyActions, Probability

_MOST_DAYS = 36_500
_MOST = 10**9
_MOST_PARAMETER = 10**6


def read_dormancy(table: TomlTable) -> Dormancy:
    """After how long a silence a customer reaches each level, and what to do."""
    defaults = Dormancy()
    dormancy = Dormancy(
        mode=table.choice("mode", defaults.mode, ("fixed", "cadence", "probability")),
        at_risk_days=table.integer("at_risk_days", defaults.at_risk_days, 1, _MOST_DAYS),
        dormant_days=table.integer("dormant_days", defaults.dormant_days, 1, _MOST_DAYS),
        churned_days=table.integer("churned_days", defaults.churned_days, 1, _MOST_DAYS),
        cadence_min_orders=table.integer(
            "cadence_min_orders", defaults.cadence_min_orders, 2, _MOST
        ),
        cadence=_cadence(table.table("cadence")),
        actions=_actions(table.table("actions")),
        probability_min_orders=table.integer(
            "probability_min_orders", defaults.probability_min_orders, 1, _MOST
        ),
        probability=_probability(table.optional_table("probability")),
    )
    if dormancy.mode == "probability" and dormancy.probability is None:
        table.wrong(
            "probability", 'is missing: mode = "probability" needs r, alpha, a and b of the model'
        )
    if dormancy.at_risk_days > dormancy.dormant_days:
        table.wrong("at_risk_days", "must not exceed dormant_days")
    table.finish()
    return dormancy


def _cadence(table: TomlTable) -> Cadence:
    defaults = Cadence()
    cadence = Cadence(
        at_risk=table.decimal("at_risk", defaults.at_risk),
        dormant=table.decimal("dormant", defaults.dormant),
        churned=table.decimal("churned", defaults.churned),
        min_days=table.integer("min_days", defaults.min_days, 1, _MOST_DAYS),
        max_days=table.integer("max_days", defaults.max_days, 1, _MOST_DAYS),
    )
    if Fraction(cadence.at_risk) > Fraction(cadence.dormant):
        table.wrong("at_risk", "must not exceed dormant")
    if cadence.min_days > cadence.max_days:
        table.wrong("min_days", "must not exceed max_days")
    table.finish()
    return cadence


def _probability(table: TomlTable | None) -> Probability | None:
    if table is None:
        return None
    defaults = Probability("1", "1", "1", "1")
    found = Probability(
        r=_parameter(table, "r"),
        alpha=_parameter(table, "alpha"),
        a=_parameter(table, "a"),
        b=_parameter(table, "b"),
        unit_days=table.integer("unit_days", defaults.unit_days, 1, _MOST_DAYS),
        at_risk=_share(table, "at_risk", defaults.at_risk),
        dormant=_share(table, "dormant", defaults.dormant),
        churned=_share(table, "churned", defaults.churned),
        min_days=table.integer("min_days", defaults.min_days, 1, _MOST_DAYS),
        max_days=table.integer("max_days", defaults.max_days, 1, _MOST_DAYS),
    )
    if Fraction(found.at_risk) < Fraction(found.dormant):
        table.wrong("at_risk", "must not be below dormant: it is reached first")
    if found.min_days > found.max_days:
        table.wrong("min_days", "must not exceed max_days")
    table.finish()
    return found


def _parameter(table: TomlTable, key: str) -> str:
    """A parameter of the model. Within these bounds no step of it can overflow."""
    found = table.optional_decimal(key)
    if found is None:
        if not table.has(key):
            table.wrong(key, "is missing; it describes the customers, so there is no default")
        return "1"
    if not Fraction(1, _MOST_PARAMETER) <= Fraction(found) <= _MOST_PARAMETER:
        table.wrong(key, f"must be from 0.000001 to {_MOST_PARAMETER}, got {found}")
        return "1"
    return found


def _share(table: TomlTable, key: str, default: str) -> str:
    """A probability above 0 and below 1."""
    found = table.decimal(key, default)
    if not 0 < Fraction(found) < 1:
        table.wrong(key, f"must be above 0 and below 1, got {found}")
        return default
    return found


def _actions(table: TomlTable) -> DormancyActions:
    defaults = DormancyActions()
    actions = DormancyActions(
        at_risk=table.optional_text("at_risk", defaults.at_risk),
        dormant=table.optional_text("dormant", defaults.dormant),
        churned=table.optional_text("churned", defaults.churned),
        reactivated=table.optional_text("reactivated", defaults.reactivated),
        returned=table.optional_text("returned", defaults.returned),
    )
    table.finish()
    return actions
