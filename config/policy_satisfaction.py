"""The optional sections `[satisfaction]`, `[health]` and `[holdout]` of a policy."""

from __future__ import annotations

from fractions import Fraction

from config.toml_table import TomlTable
from scoring.health_score import PARTS
from scoring.policy import Health, Holdout, Satisfaction
from scoring.satisfaction import MAX_KEPT


def read_satisfaction(root: TomlTable) -> Satisfaction | None:
    """Over how many answers and resolutions means are taken; None without the section."""
    table = root.optional_table("satisfaction")
    if table is None:
        return None
    defaults = Satisfaction()
    declared = Satisfaction(
        answers=table.integer("answers", defaults.answers, 1, MAX_KEPT),
        resolutions=table.integer("resolutions", defaults.resolutions, 1, MAX_KEPT),
    )
    table.finish()
    return declared


def read_health(root: TomlTable, satisfaction: Satisfaction | None) -> Health | None:
    """The weights of the health score; None without the section."""
    table = root.optional_table("health")
    if table is None:
        return None
    defaults = Health()
    declared = Health(
        **{part: table.decimal(part, getattr(defaults, part)) for part in PARTS},
        complaint_cost=table.integer("complaint_cost", defaults.complaint_cost, 0, 100),
        ticket_cost=table.integer("ticket_cost", defaults.ticket_cost, 0, 100),
    )
    if all(Fraction(getattr(declared, part)) == 0 for part in PARTS):
        table.wrong("recency", "at least one weight must be above 0")
    if Fraction(declared.satisfaction) > 0 and satisfaction is None:
        table.wrong("satisfaction", "needs a [satisfaction] section, or the weight 0")
    table.finish()
    return declared


def read_holdout(root: TomlTable) -> Holdout | None:
    """Who is held out of campaigns; None without the section."""
    table = root.optional_table("holdout")
    if table is None:
        return None
    share = table.decimal("share", "0.1")
    if not 0 < Fraction(share) < 1:
        table.wrong("share", f"must be above 0 and below 1, got {share}")
    declared = Holdout(share, table.text("salt", ""))
    table.finish()
    return declared
