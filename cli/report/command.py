"""`tierstream report`: a week, month or quarter in figures, as a spreadsheet or a page."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfoNotFoundError

import typer

from cli.errors import fail, one_sentence
from cli.report.period import Kind, Period
from config.settings import Settings, load_settings
from scoring.calendar import load_zone

if TYPE_CHECKING:
    from cli.report.make import Request

_DATE_FIELD = "{ending}"
_AFTER_THE_END = timedelta(minutes=10)
"""So long after a period its report is made: what happened at its end is in the view by then."""
_LOOKS_S = 60.0


def report(  # noqa: PLR0913, PLR0917 - one argument an option
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File to write, ending with .xlsx or .html; {ending} stands for the last day.",
        ),
    ],
    week: Annotated[bool, typer.Option("--week", help="Seven days.")] = False,
    month: Annotated[bool, typer.Option("--month", help="One month.")] = False,
    quarter: Annotated[bool, typer.Option("--quarter", help="Three months.")] = False,
    ending: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Last day (UTC); without it, the newest week from Monday, month or quarter that "
            "is over.",
        ),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language: en or zh.")] = "en",
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Whose days falls are told by; without it, that of the policy.",
        ),
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="Show the attribute name of customers, too.")
    ] = False,
    repeat: Annotated[
        bool,
        typer.Option(
            "--repeat", help="Stay, and write one ten minutes after the end of each period."
        ),
    ] = False,
) -> None:
    """Report a week, month or quarter against the one before.

    It tells customers and revenue by tier, who rose and fell, falls due, complaints, satisfaction,
    points owed, and what is missing in profiles. Figures are those of the API. It reads Redis and
    Kafka, needs no token, and shows customers by their ids. What is not known, such as days on
    which no projector ran, is said and left empty.
    """
    kinds = {Kind.WEEK: week, Kind.MONTH: month, Kind.QUARTER: quarter}
    asked = [kind for kind, is_asked in kinds.items() if is_asked]
    if len(asked) != 1:
        fail("a report takes one of --week, --month and --quarter")
    if repeat and (ending is not None or _DATE_FIELD not in out.name):
        fail("--repeat goes without --ending, and with {ending} in the name of --out")
    with one_sentence():
        from cli.report.make import ENDINGS

        if out.suffix.lower() not in ENDINGS:
            fail(f"--out {out}: must end with {' or '.join(ENDINGS)}")
        if not out.parent.is_dir():
            fail(f"--out {out}: there is no folder {out.parent}")
        settings = load_settings()
        request = _request(asked[0], ending, lang, timezone, names=names)
        if repeat:
            _repeat(settings, request, out)
        else:
            _make(settings, request, out)


def _request(
    kind: Kind,
    ending: str | None,
    lang: str,
    timezone: str | None,
    *,
    names: bool,
) -> Request:
    from cli.report.make import Request
    from words import UnknownLanguage, language_of, words_in

    today = datetime.now(UTC).date()
    period = (
        Period.newest(kind, today)
        if ending is None
        else Period.ending(kind, _day(ending, latest=today))
    )
    try:
        words = words_in(language_of(lang))
    except UnknownLanguage as error:
        fail(f"--lang: {error}")
    try:
        if timezone is not None:
            load_zone(timezone)
    except ZoneInfoNotFoundError:
        fail(f"--timezone {timezone}: no IANA zone such as Asia/Shanghai")
    return Request(period, words, timezone, names)


def _day(text: str, latest: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        fail(f"--ending {text}: no date such as 2026-01-31")
    if not date(1971, 1, 1) <= day <= latest:
        fail(f"--ending {text}: must be from 1971 on and not after today, {latest}")
    return day


def _make(settings: Settings, request: Request, out: Path) -> None:
    from cli.report.make import read, write
    from cli.report.read import NoFigures
    from streams.runtime.logs import configure_logging

    configure_logging("WARNING", settings.log_format)
    file = out.with_name(out.name.replace(_DATE_FIELD, request.period.last.isoformat()))
    try:
        found = asyncio.run(read(settings, request))
    except NoFigures as error:
        fail(str(error))
    write(found, request.words, file)
    typer.echo(f"{file}: {request.period.first} to {request.period.last}", err=True)


def _repeat(settings: Settings, request: Request, out: Path) -> None:
    """Write the report of each period that ends from now on, until stopped."""
    kind = request.period.kind
    last = _newest(kind).last
    while True:
        time.sleep(_LOOKS_S)
        period = _newest(kind)
        if period.last > last:
            _make(settings, dataclasses.replace(request, period=period), out)
            last = period.last


def _newest(kind: Kind) -> Period:
    """The newest period that was over some minutes ago."""
    return Period.newest(kind, (datetime.now(UTC) - _AFTER_THE_END).date())
