"""The optional sections `[[care.tickets]]`, `[care.hours]` and `[care.visits]` of a policy."""

from __future__ import annotations

from config.tier_names import listed_tiers
from config.toml_table import TomlTable
from scoring.care.service_hours import minute_of
from scoring.policy import Escalation, ServiceHours, TicketTerms, VisitsPolicy
from scoring.timestamps import parse_date

MAX_TERMS = 32
MAX_STEPS = 8
MAX_CLOSED = 366
MAX_ACTIVITIES = 32
_MOST_HOURS = 2_160
_MOST_DAYS = 36_500
_KINDS = ("complaint", "question", "return", "other")
_HIGHEST_SEVERITY = 5
_STAGES = ("response_hours", "resolution_hours")
_WEEKDAYS: tuple[int, ...] = (1, 2, 3, 4, 5)


def read_tickets(care: TomlTable, names: tuple[str, ...]) -> tuple[TicketTerms, ...]:
    """What tickets are promised; nothing without the sections.

    Args:
        care: the section `[care]`.
        names: of the tiers, `prospect` among them.
    """
    tables = care.tables("tickets") or []
    if len(tables) > MAX_TERMS:
        care.wrong("tickets", f"must be at most {MAX_TERMS} tables")
    return tuple(_terms(table, names) for table in tables)


def read_hours(care: TomlTable) -> ServiceHours | None:
    """The hours that count for tickets; None without the section: then all do."""
    table = care.optional_table("hours")
    if table is None:
        return None
    weekdays = _WEEKDAYS
    if table.has("weekdays"):
        weekdays = table.different("weekdays", 7, "1 (Monday)")
    opens, closes = _minute(table, "from", "00:00"), _minute(table, "to", "24:00")
    if opens is not None and closes is not None and opens >= closes:
        table.wrong("from", f"must be before to, as 09:00 is before 18:00, got {_text(opens)}")
    closed = table.texts("closed", MAX_CLOSED, len("2026-02-17"))
    for text in closed:
        if parse_date(text) is None:
            table.wrong("closed", f"{text!r} is no date such as 2026-02-17")
    table.finish()
    return ServiceHours(weekdays, _text(opens or 0), _text(closes or 0), closed)


def read_visits(care: TomlTable, names: tuple[str, ...]) -> VisitsPolicy | None:
    """When customers are to be visited; None without the section."""
    table = care.optional_table("visits")
    if table is None:
        return None
    activities = table.texts("activities", MAX_ACTIVITIES, 128)
    if not activities:
        table.wrong("activities", 'must name a contact, as in ["visit", "call"]')
    days, found = table.table("days"), {}
    for name in days.names():
        number = days.optional_integer(name, 1, _MOST_DAYS)
        if name not in names:
            days.wrong(name, f"is no tier of this policy, which has {', '.join(names)}")
        elif number is not None:
            found[name] = number
    if not days.names():
        table.wrong("days", "must have the days of a tier, as in { A = 30 }")
    table.finish()
    return VisitsPolicy(activities, found)


def _terms(table: TomlTable, names: tuple[str, ...]) -> TicketTerms:
    kind = table.choice("kind", "complaint", _KINDS) if table.has("kind") else None
    terms = TicketTerms(
        kind=kind,
        severity=_severity(table),
        tiers=listed_tiers(table, names),
        response_hours=table.optional_integer("response_hours", 1, _MOST_HOURS),
        resolution_hours=table.optional_integer("resolution_hours", 1, _MOST_HOURS),
        escalate=_steps(table),
    )
    if not any(table.has(key) for key in _STAGES):
        table.wrong("response_hours", "is missing, or resolution_hours: nothing is promised")
    table.finish()
    return terms


def _severity(table: TomlTable) -> tuple[int, ...] | None:
    if not table.has("severity"):
        return None
    return table.different("severity", _HIGHEST_SEVERITY)


def _steps(table: TomlTable) -> tuple[Escalation, ...]:
    tables = table.tables("escalate") or []
    if len(tables) > MAX_STEPS:
        table.wrong("escalate", f"must be at most {MAX_STEPS} steps")
    steps: list[Escalation] = []
    for step in tables:
        hours = step.optional_integer("after_hours", 1, _MOST_HOURS)
        if not step.has("after_hours"):
            step.wrong("after_hours", f"is missing, a whole number from 1 to {_MOST_HOURS}")
        if steps and hours is not None and hours <= steps[-1].after_hours:
            before = steps[-1].after_hours
            step.wrong("after_hours", f"must be more than {before}, that of the step before it")
        steps.append(Escalation(hours or 0, step.text("to", "", 64)))
        step.finish()
    known = [step.to for step in steps]
    for step, to in zip(tables, known, strict=True):
        if to and known.count(to) > 1:
            step.wrong("to", f"{to!r} stands twice, give each step a name of its own")
    return tuple(steps)


def _minute(table: TomlTable, key: str, default: str) -> int | None:
    text = table.text(key, default, 5)
    minute = minute_of(text)
    if minute is None:
        table.wrong(key, f"must be a local time from 00:00 to 24:00, got {text!r}")
    return minute


def _text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
