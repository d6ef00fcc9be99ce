"""The optional section `[care.surveys]` of a policy."""

from __future__ import annotations

from config.tier_names import listed_tiers, tier_keys
from config.toml_table import TomlTable
from scoring.policy import SurveyAsk, SurveysPolicy

_SURVEYS = ("csat", "nps")
_MOST_DAYS = 3_650
_DEFAULT_REST_DAYS = 30


def read_surveys(
    table: TomlTable | None, names: tuple[str, ...], window_days: int
) -> SurveysPolicy | None:
    """When to ask customers; None without the section.

    Args:
        table: the section.
        names: of the tiers, `prospect` among them.
        window_days: how long orders are in the window.
    """
    if table is None:
        return None
    declared = SurveysPolicy(
        rest_days=table.integer("rest_days", _DEFAULT_REST_DAYS, 1, _MOST_DAYS),
        after_ticket=_after(table.optional_table("after_ticket"), names, _MOST_DAYS),
        after_order=_after(table.optional_table("after_order"), names, window_days - 1),
        cadence=_cadence(table.table("cadence"), names),
    )
    for name, ask in declared.cadence.items():
        if ask.days < declared.rest_days:
            table.wrong(
                f"cadence.{name}.days",
                f"must be at least rest_days ({declared.rest_days}), got {ask.days}",
            )
    if not any(table.has(key) for key in ("cadence", "after_ticket", "after_order")):
        table.wrong("cadence", "is missing, or after_ticket or after_order")
    table.finish()
    return declared


def _cadence(table: TomlTable, names: tuple[str, ...]) -> dict[str, SurveyAsk]:
    return {name: _ask(table.table(name)) for name in tier_keys(table, names)}


def _after(table: TomlTable | None, names: tuple[str, ...], most_days: int) -> SurveyAsk | None:
    if table is None:
        return None
    return _ask(table, listed_tiers(table, names), most_days)


def _ask(
    table: TomlTable, tiers: tuple[str, ...] | None = None, most_days: int = _MOST_DAYS
) -> SurveyAsk:
    days = table.optional_integer("days", 1, most_days)
    if not table.has("days"):
        table.wrong("days", f"is missing, a whole number from 1 to {most_days}")
    ask = SurveyAsk(
        days=days or 1,
        survey=table.choice("survey", "csat", _SURVEYS),
        action=table.optional_text("action", None),
        tiers=tiers,
    )
    table.finish()
    return ask
