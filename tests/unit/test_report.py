"""`tierstream report`: its periods, what it counts, and what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.report import command
from cli.report.document import Document
from cli.report.make import write
from cli.report.moves import KEPT, BiggestMoves
from cli.report.period import Kind, Period
from cli.report.sources import SOURCES_MAX, ValuesBySource, source_of
from cli.report.tickets import Tickets
from handlers.decode.decode import decode
from handlers.events import Event
from tests.support.each import for_each
from words import language_of, words_in


def day(text: str) -> date:
    return date.fromisoformat(text)


@for_each(
    "kind, last, first, before",
    [
        (Kind.WEEK, "2026-03-01", "2026-02-23", "2026-02-16"),
        (Kind.MONTH, "2026-02-28", "2026-02-01", "2026-01-01"),
        (Kind.MONTH, "2026-03-30", "2026-03-01", "2026-02-01"),
        (Kind.MONTH, "2026-03-15", "2026-02-16", "2026-01-16"),
        (Kind.QUARTER, "2026-03-31", "2026-01-01", "2025-10-01"),
        (Kind.QUARTER, "2026-04-10", "2026-01-11", "2025-10-11"),
    ],
)
def test_a_period_ends_with_its_day_and_follows_the_one_before(
    kind: Kind, last: str, first: str, before: str
) -> None:
    period = Period.ending(kind, day(last))
    assert (period.first, period.last) == (day(first), day(last))
    assert period.before.last == day(first) - timedelta(days=1)
    assert period.before.first == day(before)
    assert not period.has(period.until_ms)
    assert period.has(period.until_ms - 1)
    assert period.before.until_ms == period.from_ms


@for_each(
    "kind, first, last",
    [
        (Kind.WEEK, "2026-03-02", "2026-03-08"),
        (Kind.MONTH, "2026-02-01", "2026-02-28"),
        (Kind.QUARTER, "2025-10-01", "2025-12-31"),
    ],
)
def test_the_newest_period_is_one_of_the_calendar_that_is_over(
    kind: Kind, first: str, last: str
) -> None:
    for today in ("2026-03-09", "2026-03-15"):
        assert Period.newest(kind, day(today)) == Period(kind, day(first), day(last))
    assert Period.newest(Kind.WEEK, day("2026-03-08")).last == day("2026-03-01"), "not over yet"


WEEK = Period.ending(Kind.WEEK, day("2026-03-08"))


def move(customer: str, spend: str, at: str = "2026-03-04T00:00:00.000Z") -> bytes:
    data = {
        "customer_id": customer,
        "sequence": 1,
        "previous_tier": "B",
        "tier": "C",
        "direction": "down",
        "reason": "silence",
        "effective_at": at,
        "before": {"monetary": spend},
        "after": {"monetary": "0.00"},
    }
    return json.dumps({"data": data}).encode()


def test_only_the_biggest_moves_of_the_period_are_kept_and_each_once() -> None:
    moves = BiggestMoves(WEEK)
    for number in range(3 * KEPT):
        moves.take(move(f"c{number}", f"{number}.50"))
        moves.take(move(f"c{number}", f"{number}.50"))
    moves.take(move("too late", "9999.00", "2026-03-09T00:00:00.000Z"))
    moves.take(move("no number", "much"))
    moves.take(None)
    found = moves.of("down")
    assert len(found) == KEPT
    assert (found[0].spend, found[-1].spend) == (Decimal("119.50"), Decimal("80.50"))
    assert moves.of("up") == []


def ticket(event_type: str, number: int, at: str, **fields: Any) -> Event:
    head = {"event_id": f"{event_type}{number}{at}", "type": event_type, "customer_id": "ana"}
    text = {**head, "occurred_at": f"{at}T12:00:00Z", "ticket_id": f"t{number}", **fields}
    event = decode(json.dumps(text).encode())
    assert isinstance(event, Event)
    return event


def test_a_complaint_is_judged_by_the_times_of_its_events_in_any_order() -> None:
    tickets = Tickets((WEEK, WEEK.before))
    events = [
        ticket("ticket.resolved", 1, "2026-03-03"),
        ticket("ticket.opened", 1, "2026-02-24", kind="complaint"),
        ticket("ticket.opened", 1, "2026-02-24", kind="complaint"),
        ticket("ticket.reopened", 1, "2026-03-05"),
        ticket("ticket.opened", 2, "2026-03-05", kind="complaint"),
        ticket("ticket.resolved", 2, "2026-03-06"),
        ticket("ticket.resolved", 2, "2026-03-07"),
        ticket("ticket.opened", 3, "2026-03-05"),
        ticket("ticket.resolved", 4, "2026-02-25"),
    ]
    for event in events:
        tickets.take_event(event)
    now, before = tickets.complaints(WEEK), tickets.complaints(WEEK.before)
    assert (now.opened, now.resolved, now.open_at_end, now.unknown) == (1, 2, 1, 0)
    assert (before.opened, before.resolved, before.open_at_end, before.unknown) == (1, 0, 1, 1)


def test_sources_beyond_a_limit_are_counted_together() -> None:
    values = ValuesBySource((WEEK, WEEK.before))
    text = {
        "event_id": "p",
        "type": "profile.updated",
        "customer_id": "ana",
        "occurred_at": "2026-03-04T12:00:00Z",
        "attributes": {"region": "north"},
    }
    event = decode(json.dumps(text).encode())
    assert isinstance(event, Event)
    for number in range(SOURCES_MAX + 5):
        values.take(event, f"/{number}")
    told = values.told()
    assert len(told) == SOURCES_MAX + 1
    assert told["…", "region"].values == 5


def test_the_source_of_an_event_is_that_of_its_envelope() -> None:
    assert source_of(b'{"specversion":"1.0","source":"/crm"}', None) == "/crm"
    assert source_of(b'{"source":5}', None) == ""
    assert source_of(b"{}", {"ce_specversion": b"1.0", "ce_source": b"/till"}) == "/till"


def refused(*words: str) -> str:
    found = CliRunner().invoke(app, ["report", *words])
    assert found.exit_code == 1, found.output
    return found.output.strip()


@pytest.mark.usefixtures("no_settings")
def test_what_it_cannot_do_is_one_sentence(tmp_path: Path) -> None:
    file = str(tmp_path / "weekly.xlsx")
    assert "takes one of --week, --month and --quarter" in refused("--out", file)
    assert "takes one of" in refused("--week", "--month", "--out", file)
    assert "must end with .xlsx or .html" in refused("--week", "--out", f"{file}.pdf")
    assert "there is no folder" in refused("--week", "--out", str(tmp_path / "none" / "w.xlsx"))
    assert "there is no language" in refused("--week", "--lang", "fr", "--out", file)
    assert "no IANA zone" in refused("--week", "--timezone", "Mars", "--out", file)
    assert "no date such as" in refused("--week", "--ending", "yesterday", "--out", file)
    ahead = (datetime.now(UTC).date() + timedelta(days=2)).isoformat()
    assert "not after today" in refused("--week", "--ending", ahead, "--out", file)
    assert "{ending} in the name" in refused("--week", "--repeat", "--out", file)


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "weekly.html"
    file.write_text("the one before")
    words = words_in(language_of("en"))
    broken: Any = Document("title", [None], [], 2)  # type: ignore[list-item]
    with pytest.raises(AttributeError):
        write(broken, words, file)
    assert [found.read_text() for found in tmp_path.iterdir()] == ["the one before"]


def test_repeat_writes_one_report_for_each_period_that_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newest = iter(["2026-03-01", "2026-03-01", "2026-03-08", "2026-03-08", "2026-03-15"])
    made: list[str] = []

    class Enough(Exception):
        pass

    def period(kind: Kind) -> Period:
        try:
            return Period.ending(kind, day(next(newest)))
        except StopIteration:
            raise Enough from None

    def make(_settings: object, request: Any, _out: Path) -> None:
        made.append(request.period.last.isoformat())

    monkeypatch.setattr(command, "_newest", period)
    monkeypatch.setattr(command, "_make", make)
    monkeypatch.setattr(command, "_LOOKS_S", 0.0)
    out = tmp_path / "weekly-{ending}.xlsx"
    with pytest.raises(Enough):
        CliRunner().invoke(
            app, ["report", "--week", "--repeat", "--out", str(out)], catch_exceptions=False
        )
    assert made == ["2026-03-08", "2026-03-15"]
