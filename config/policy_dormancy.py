"""The section `[dormancy]` of a policy."""

from __future__ import annotations

from fractions import Fraction

from config.toml_table import TomlTable
from scoring.policy import Cadence, Dormancy, DormancyActions

_MOST_DAYS = 36_500
_MOST = 10**9


def read_dormancy(table: TomlTable) -> Dormancy:
    """After how long a silence a customer reaches each level, and what to do."""
    defaults = Dormancy()
    dormancy = Dormancy(
        mode=table.choice(
            "mode", defaults.mode, ("fixed", "cadence"), "; other modes are not there yet"
        ),
        at_risk_days=table.integer("at_risk_days", defaults.at_risk_days, 1, _MOST_DAYS),
        dormant_days=table.integer("dormant_days", defaults.dormant_days, 1, _MOST_DAYS),
        churned_days=table.integer("churned_days", defaults.churned_days, 1, _MOST_DAYS),
        cadence_min_orders=table.integer(
            "cadence_min_orders", defaults.cadence_min_orders, 2, _MOST
        ),
        cadence=_cadence(table.table("cadence")),
        actions=_actions(table.table("actions")),
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
