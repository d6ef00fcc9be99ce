"""The sheets of customers, revenue, satisfaction and profiles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from cli.report.document import Column, Form, Row, Sheet
from cli.report.facts import Teller, less, number
from cli.report.notes import notes_of_ends
from cli.report.read import Json, PeriodEnd
from handlers.outputs import CARE_REMINDERS
from scoring.timestamps import rfc3339


def tiers(teller: Teller) -> Sheet:
    """Customers, spend and points of each tier."""
    say, figures = teller.words.say, teller.figures
    end, before = figures.end, figures.before
    names = {row["value"] for row in figures.now["rows"]}
    names |= {name for each in (end, before) if each is not None for name in each.rows}
    rows = [
        _tier_row(teller.tier(name), _row(end, name), _row(before, name))
        for name in teller.sorted(names)
    ]
    rows.append(_tier_row(say("All"), _all(end), _all(before), is_total=True))
    columns = [
        Column(say("Tier")),
        Column(say("Customers"), Form.COUNT),
        Column(say("Customers before"), Form.COUNT),
        Column(say("Change"), Form.COUNT),
        Column(say("Share of customers"), Form.SHARE),
        Column(say("Spend"), Form.AMOUNT),
        Column(say("Spend before"), Form.AMOUNT),
        Column(say("Change of spend"), Form.AMOUNT),
        Column(say("Share of spend"), Form.SHARE),
        Column(say("Points owed"), Form.COUNT),
        Column(say("Points before"), Form.COUNT),
    ]
    return Sheet(say("Customers and revenue"), columns, rows, list(notes_of_ends(teller)))


def _tier_row(title: str, end: Json | None, before: Json | None, *, is_total: bool = False) -> Row:
    people, were = number(end, "customers"), number(before, "customers")
    spend, spent = number(end, "spend"), number(before, "spend")
    values = [
        title,
        people,
        were,
        less(people, were),
        None if end is None else end["customers_share"],
        spend,
        spent,
        less(spend, spent),
        None if end is None else end["spend_share"],
        number(end, "points"),
        number(before, "points"),
    ]
    return Row(values, is_total=is_total)


def satisfaction(teller: Teller) -> Sheet:
    """CSAT and NPS of each tier."""
    say, found = teller.words.say, teller.figures.satisfaction
    by_tier = {row["value"]: row for row in found["rows"]}
    rows = [_satisfied(teller.tier(name), by_tier[name]) for name in teller.sorted({*by_tier})]
    rows.append(_satisfied(say("All"), found["total"], is_total=True))
    columns = [
        Column(say("Tier")),
        Column(say("CSAT answers"), Form.COUNT),
        Column(say("Mean CSAT"), Form.NUMBER),
        Column(say("NPS answers"), Form.COUNT),
        Column(say("Promoters"), Form.COUNT),
        Column(say("Detractors"), Form.COUNT),
        Column(say("NPS"), Form.NUMBER),
    ]
    note = say("The newest answer of each customer, as of now.")
    return Sheet(say("Satisfaction"), columns, rows, [note])


def profiles(teller: Teller) -> Sheet:
    """Which attributes are missing, and how old profiles are."""
    say, found = teller.words.say, teller.figures.completeness
    rows = [
        Row(
            [
                teller.words.term("attribute", one["name"]),
                one["customers"],
                found["customers"] - one["customers"],
                one["share"],
            ]
        )
        for one in found["attributes"]
    ]
    columns = [
        Column(say("Attribute")),
        Column(say("Known"), Form.COUNT),
        Column(say("Missing"), Form.COUNT),
        Column(say("Share known"), Form.SHARE),
    ]
    return Sheet(say("Missing values"), columns, rows, list(_notes_of_profiles(teller)))


def _notes_of_profiles(teller: Teller) -> Iterator[str]:
    say, number = teller.words.say, teller.words.number
    months = teller.figures.completeness["as_of"]
    yield say("As of now, by the attributes that have a name of their own.")
    for month, count in months.items():
        yield say("Profiles changed last in {month}: {count}", month=month, count=number(count))
    for period in (teller.facts.period, teller.facts.period.before):
        if teller.knows(CARE_REMINDERS, period):
            yield say(
                "Profiles found out of date in {days}: {count}",
                days=teller.days(period),
                count=number(teller.facts.happened.tickets.stale_profiles(period)),
            )


def sources(teller: Teller) -> Sheet:
    """Which source told which values."""
    say = teller.words.say
    rows = [
        Row(
            [
                source or say("not told"),
                teller.words.term("attribute", name),
                told.values,
                told.before,
                date.fromisoformat(rfc3339(told.last_ms)[:10]),
            ]
        )
        for (source, name), told in teller.facts.happened.sources.told().items()
    ]
    columns = [
        Column(say("Source")),
        Column(say("Attribute")),
        Column(say("Values in the period"), Form.COUNT),
        Column(say("Values before"), Form.COUNT),
        Column(say("Told last"), Form.DATE),
    ]
    note = say(
        "Values that each source told, by the source of its CloudEvents. A source that is "
        "missing here told nothing in both periods."
    )
    return Sheet(say("Values by source"), columns, rows, [note])


def _row(end: PeriodEnd | None, tier: str) -> Json | None:
    """The figures of a tier; of one without customers, zeros."""
    if end is None:
        return None
    nobody = {"customers": 0, "customers_share": 0, "spend": "0", "spend_share": 0, "points": 0}
    return end.rows.get(tier, nobody)


def _satisfied(title: str, row: Json, *, is_total: bool = False) -> Row:
    csat, nps = row["csat"], row["nps"]
    scores = [nps["promoters"], nps["detractors"], nps["score"]]
    return Row([title, csat["answers"], csat["mean"], nps["answers"], *scores], is_total=is_total)


def _all(end: PeriodEnd | None) -> Json | None:
    return None if end is None else end.total
