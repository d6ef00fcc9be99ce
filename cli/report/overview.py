"""The first sheet: the figures that everybody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from cli.report.document import Column, Form, Row, Sheet, Value
from cli.report.facts import Teller, less, number
from cli.report.notes import notes_of_complaints, notes_of_ends, notes_of_moves
from cli.report.period import AHEAD_DAYS, Period
from cli.report.read import Json, PeriodEnd
from handlers.outputs import CARE_REMINDERS


def overview(teller: Teller) -> Sheet:
    """The figures of the period and of the one before."""
    say, figures = teller.words.say, teller.figures
    end, before = figures.end, figures.before
    rows = [
        _change(say("Customers"), _total(end, "customers"), _total(before, "customers")),
        _change(
            say("Spend in the window"),
            _total(end, "spend"),
            _total(before, "spend"),
            Form.AMOUNT,
        ),
        _change(say("Orders in the window"), _total(end, "orders"), _total(before, "orders")),
        _change(say("Points owed"), _total(end, "points"), _total(before, "points")),
        *_movement_rows(teller),
        *_complaint_rows(teller),
        *_present_rows(teller),
    ]
    return Sheet(
        say("Overview"),
        [
            Column(say("Figure")),
            Column(teller.words.named("report", "Period"), Form.COUNT),
            Column(say("Period before"), Form.COUNT),
            Column(say("Change"), Form.COUNT),
        ],
        rows,
        [
            *notes_of_ends(teller),
            say("Falls due, CSAT and NPS are those of now."),
            *notes_of_moves(teller),
            *notes_of_complaints(teller),
        ],
    )


def _movement_rows(teller: Teller) -> list[Row]:
    say = teller.words.say
    period, figures = teller.facts.period, teller.figures
    now = _ups_and_downs(teller, figures.moves, period)
    past = _ups_and_downs(teller, figures.moves_before, period.before)
    titles = [say("Rises"), say("Falls")]
    return [_change(*rises_or_falls) for rises_or_falls in zip(titles, now, past, strict=True)]


def _complaint_rows(teller: Teller) -> list[Row]:
    say, period = teller.words.say, teller.facts.period
    now, past = _complaint_figures(teller, period), _complaint_figures(teller, period.before)
    titles = [
        say("Complaints opened"),
        say("Complaints closed"),
        say("Complaints overdue"),
        say("Complaints open at the end"),
    ]
    return [_change(*figures) for figures in zip(titles, now, past, strict=True)]


def _complaint_figures(teller: Teller, period: Period) -> Sequence[int | None]:
    """Opened, closed, overdue, and open at the end; None for what is not known."""
    found = teller.complaints(period)
    if found is None:
        return [None] * 4
    overdue = found.overdue if teller.knows(CARE_REMINDERS, period) else None
    return [found.opened, found.resolved, overdue, found.open_at_end]


def _present_rows(teller: Teller) -> list[Row]:
    """What is known of now alone."""
    say, falls = teller.words.say, teller.figures.falls
    satisfied = teller.figures.satisfaction["total"]
    days = teller.words.number(AHEAD_DAYS[teller.facts.period.kind])
    return [
        _change(say("Falls due within {days} days", days=days), falls["customers"], None),
        _change(say("Spend of those who fall"), Decimal(falls["spend"]), None, Form.AMOUNT),
        Row([say("Mean CSAT"), satisfied["csat"]["mean"], None, None], Form.NUMBER),
        Row([say("NPS"), satisfied["nps"]["score"], None, None], Form.NUMBER),
    ]


def _ups_and_downs(teller: Teller, moves: Json, period: Period) -> Sequence[int | None]:
    """How many rose and how many fell; None where nothing is known of it."""
    if not teller.has_moves(moves, period):
        return [None, None]
    counts = {"up": 0, "down": 0, "": 0}
    for left, row in moves["matrix"].items():
        for reached, count in row.items():
            counts[teller.direction(left, reached)] += count
    return [counts["up"], counts["down"]]


def _total(end: PeriodEnd | None, name: str) -> int | Decimal | None:
    return None if end is None else number(end.total, name)


def _change(
    title: str,
    now: int | Decimal | None,
    before: int | Decimal | None,
    form: Form | None = None,
) -> Row:
    values: Sequence[Value] = [title, now, before, less(now, before)]
    return Row(values, form)
