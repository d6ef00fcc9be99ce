"""`tierstream report` on a filled view and topics: its figures are those of the API."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from openpyxl import load_workbook
from redis.asyncio import Redis

from cli.report.document import Document, Sheet
from cli.report.make import Request, read, write
from cli.report.period import Kind, Period
from cli.report.read import NoFigures
from config.policy_file import load_policy
from config.settings import Settings
from devtools.servers import Broker, RedisServer
from handlers.outputs import CARE_REMINDERS, TIER_CHANGES
from scoring.calendar import DAY_MS
from serving.view.history import HistoryWriter
from streams.kafka.topics import create_topics
from tests.harness.api import Api, View
from tests.harness.environment import bare_environment, run_cli
from tests.harness.view import publish, settings_for
from words import language_of, words_in
from words.naming import Naming

pytestmark = pytest.mark.always

EVIL = '=HYPERLINK("http://x","y")<img src=x onerror=alert(1)>'
TODAY = datetime.now(UTC).date()
PERIOD = Period.ending(Kind.WEEK, TODAY)


@pytest.fixture
async def settings(
    embedded_broker: Broker, redis_server: RedisServer, topic_prefix: str
) -> Settings:
    found = settings_for(embedded_broker, redis_server.url, topic_prefix)
    await create_topics(found)
    return found


def at(days_ago: float) -> str:
    instant = datetime.now(UTC) - timedelta(days=days_ago)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def changed(customer: str, way: str, tiers: tuple[str, str], spend: str) -> tuple[str, bytes]:
    left, reached = tiers
    data = {
        "customer_id": customer,
        "sequence": 1,
        "previous_tier": left,
        "tier": reached,
        "direction": way,
        "reason": "order",
        "effective_at": at(0),
        "before": None,
        "after": {"monetary": spend},
    }
    return customer, json.dumps({"type": "tier.changed", "data": data}).encode()


def event(event_type: str, customer: str, days_ago: float, **fields: Any) -> tuple[str, bytes]:
    head = {"event_id": f"{event_type}-{days_ago}", "type": event_type, "customer_id": customer}
    return customer, json.dumps({**head, "occurred_at": at(days_ago), **fields}).encode()


def reminder(kind: str, customer: str, days_ago: float, **fields: Any) -> tuple[str, bytes]:
    data = {"customer_id": customer, "effective_at": at(days_ago), **fields}
    return customer, json.dumps({"type": kind, "data": data}).encode()


@pytest.fixture
async def shop(view: View, redis: Redis, settings: Settings) -> None:
    """Three customers, one of whom was not there a week ago, with what happened since."""
    history = HistoryWriter(redis, settings.redis_key_prefix)
    falls = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    await view.put(
        (
            "ana",
            {
                "tier": "A",
                "monetary": "900.00",
                "frequency": 4,
                "points": {"balance": 40},
                "keeps_until": falls,
                "satisfaction": {"csat_last": 5, "nps_last": 10},
                "attributes": {"name": "Ana", "region": "north"},
            },
        ),
        ("ben", {"tier": "B", "monetary": "100.01", "owner": "@lin"}),
    )
    await history.write(round(datetime.now(UTC).timestamp() * 1_000) - 7 * DAY_MS)
    await view.put((EVIL, {"tier": "B", "monetary": "0.05", "attributes": {"name": EVIL}}))
    moves = [
        changed("ana", "up", ("B", "A"), "900.00"),
        changed("ana", "up", ("B", "A"), "900.00"),
        changed(EVIL, "up", ("C", "B"), "1000.00"),
        changed("gone", "up", ("C", "B"), "5000.00"),
        changed("ben", "down", ("A", "B"), "100.01"),
    ]
    await publish(settings, [*moves, ("ben", b"no record")], TIER_CHANGES)
    support = [
        event("ticket.opened", "ana", 1, ticket_id="t1", kind="complaint"),
        event("ticket.opened", "ana", 1, ticket_id="t2", kind="question"),
        event("ticket.opened", "ben", 9, ticket_id="t3", kind="complaint"),
        event("ticket.resolved", "ben", 2, ticket_id="t3"),
        event("ticket.resolved", "ben", 2, ticket_id="t4"),
        ("ben", b"no event"),
    ]
    await publish(settings, support, "support")
    reminders = [
        reminder("ticket.overdue", "ana", 0.5, ticket_id="t1", due_at=at(0.5), stage="response"),
        reminder("ticket.overdue", "ana", 0.4, ticket_id="t1", due_at=at(0.4), stage="resolution"),
        reminder("profile.refresh_due", "ben", 1),
    ]
    await publish(settings, reminders, CARE_REMINDERS)
    values = {"region": "north", "email": "", "shoe_size": "39"}
    profiles = [event("profile.updated", "ana", 1, attributes=values)]
    cloud = {
        "specversion": "1.0",
        "id": "p2",
        "source": "/crm",
        "type": "profile.updated",
        "subject": "ben",
        "time": at(8),
        "data": {"attributes": {"region": "south"}},
    }
    await publish(settings, [*profiles, ("ben", json.dumps(cloud).encode())], "profiles")


def asked(language: str = "en", *, with_names: bool = False, period: Period = PERIOD) -> Request:
    words = words_in(language_of(language))
    return Request(period, words, "UTC", with_names)


def sheet(document: Document, title: str) -> Sheet:
    (found,) = [each for each in document.sheets if each.title == title]
    return found


def rows(document: Document, title: str) -> dict[Any, list[Any]]:
    return {row.values[0]: list(row.values[1:]) for row in sheet(document, title).rows}


async def told(api: Api, path: str, **parameters: Any) -> Any:
    answer = await api.http.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.usefixtures("shop")
async def test_figures_are_those_of_the_api(api: Api, settings: Settings) -> None:
    found = await read(settings, asked())
    figures = await told(api, "/v1/figures")
    before = (await told(api, "/v1/history", to=str(PERIOD.before.last)))["days"][-1]
    tiers = rows(found, "Customers and revenue")
    for row in figures["rows"]:
        was = next((one for one in before["rows"] if one["value"] == row["value"]), None)
        name = Naming(asked().words, load_policy()).tier(row["value"])
        people, people_before, _, share, spend, spend_before, *_ = tiers[name]
        assert (people, share) == (row["customers"], row["customers_share"])
        assert spend == Decimal(row["spend"])
        assert people_before == (was["customers"] if was else 0)
        assert spend_before == Decimal(was["spend"] if was else 0)
    total = rows(found, "Customers and revenue")["All"]
    assert total[:3] == [3, 2, 1]
    assert total[4:7] == [Decimal("1000.06"), Decimal("1000.01"), Decimal("0.05")]
    overview = rows(found, "Overview")
    assert overview["Points owed"] == [40, 40, 0]
    assert overview["Falls due within 7 days"] == [1, None, None]
    assert overview["Mean CSAT"] == [5, None, None]
    falls = await told(api, "/v1/falls", days=7)
    assert [row.values[2:] for row in sheet(found, "Falls due").rows] == [
        [falls["customers"], Decimal(falls["spend"])]
    ] * 2
    satisfaction = (await told(api, "/v1/satisfaction"))["total"]
    assert rows(found, "Satisfaction")["All"][1] == satisfaction["csat"]["mean"] == 5
    complete = await told(api, "/v1/completeness")
    missing = {name: row[1] for name, row in rows(found, "Missing values").items()}
    assert missing == {
        asked().words.term("attribute", one["name"]): complete["customers"] - one["customers"]
        for one in complete["attributes"]
    }


@pytest.mark.usefixtures("shop")
async def test_what_happened_is_counted_from_the_topics(settings: Settings) -> None:
    found = await read(settings, asked(with_names=True))
    overview = rows(found, "Overview")
    assert overview["Complaints opened"] == [1, 1, 0]
    assert overview["Complaints closed"] == [1, 0, 1]
    assert overview["Complaints overdue"] == [1, 0, 1]
    assert overview["Complaints open at the end"] == [1, 1, 0]
    notes = " ".join(sheet(found, "Overview").notes)
    assert "1 more tickets" in notes
    assert "its figures are those of now" in notes
    assert "Rises and falls of" in notes, "no projector has read them"
    assert overview["Rises"] == overview["Falls"] == [None, None, None]
    names = [list(row.values) for row in sheet(found, "Biggest names").rows]
    assert [(row[0], row[1], row[2]) for row in names] == [
        ("rise", EVIL, EVIL),
        ("rise", "ana", "Ana"),
        ("fall", "ben", None),
    ]
    assert names[2][-1] == "@lin"
    assert any(
        "out of date" in note and note.endswith(": 1")
        for note in sheet(found, "Missing values").notes
    )
    sources = [list(row.values[:4]) for row in sheet(found, "Values by source").rows]
    assert sources == [
        ["not told", "other", 1, 0],
        ["not told", "Region", 1, 0],
        ["/crm", "Region", 0, 1],
    ]


@pytest.mark.usefixtures("shop")
async def test_what_is_not_known_is_said_and_left_empty(settings: Settings) -> None:
    period = Period.ending(Kind.WEEK, TODAY - timedelta(days=7))
    found = await read(settings, asked(period=period))
    assert rows(found, "Customers and revenue")["All"][:3] == [2, None, None]
    notes = " ".join(sheet(found, "Customers and revenue").notes)
    assert "are not known: none before" in notes
    gap = Period.ending(Kind.WEEK, TODAY - timedelta(days=1))
    found = await read(settings, asked(period=gap))
    assert rows(found, "Overview")["Customers"] == [None, None, None]
    assert "no projector ran" in " ".join(sheet(found, "Overview").notes)


@pytest.mark.usefixtures("shop")
async def test_what_a_topic_has_lost_is_not_counted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = PERIOD.from_ms - 1  # in the period before

    async def kept_from(_reader: object, tp: TopicPartition) -> int:
        return lost if tp.topic.endswith((CARE_REMINDERS, "support")) else 0

    monkeypatch.setattr("cli.report.topics._Reader._kept_from_ms", kept_from)
    found = await read(settings, asked())
    overview = rows(found, "Overview")
    assert overview["Complaints opened"] == [1, None, None]
    assert overview["Complaints overdue"] == [1, None, None]
    notes = " ".join(sheet(found, "Overview").notes)
    assert "The topic support no longer has all of" in notes
    assert f"The topic {CARE_REMINDERS} no longer has all of" in notes


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_files_open_and_hold_no_formula(
    settings: Settings, tmp_path: Path, language: str
) -> None:
    request = asked(language, with_names=True)
    found = await read(settings, request)
    file = tmp_path / "weekly.xlsx"
    file.write_text("the one before")
    write(found, request.words, file)
    assert [found.name for found in os.scandir(tmp_path)] == [file.name], "none is unfinished"
    book = load_workbook(file)
    assert book.sheetnames == [each.title for each in found.sheets]
    second = {"en": "Customers and revenue", "zh": "客户与收入"}
    assert book.sheetnames[1] == second[language]
    cells = [cell for page in book for row in page.iter_rows() for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    evil = [cell for cell in cells if cell.value == EVIL]
    assert len(evil) == 2
    assert all(cell.quotePrefix for cell in evil)
    page = book[found.sheets[1].title]
    (spend,) = [row for row in page.iter_rows() if row[5].value == 1000.06]
    assert spend[5].number_format == "#,##0.00"


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.usefixtures("shop")
async def test_page_escapes_what_customers_are_called(settings: Settings, tmp_path: Path) -> None:
    request = asked("zh", with_names=True)
    file = tmp_path / "weekly.html"
    write(await read(settings, request), request.words, file)
    page = Tags(file.read_text("utf-8"))
    assert "img" not in page.tags
    assert EVIL in page.texts
    assert "客户周报" in page.texts
    assert '<html lang="zh-CN">' in file.read_text("utf-8")
    assert "1,000.06" in page.texts


@pytest.mark.usefixtures("shop")
async def test_the_command_writes_the_file_and_says_so(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "weekly-{ending}.xlsx"
    words = ("report", "--week", "--lang", "zh", "--ending", str(TODAY), "--out", str(out))
    found = await asyncio.to_thread(run_cli, *words, env=bare_environment(settings), timeout_s=60)
    file = tmp_path / f"weekly-{TODAY}.xlsx"
    assert (found.returncode, found.stdout) == (0, ""), found.stderr
    assert found.stderr == f"{file}: {PERIOD.first} to {PERIOD.last}\n"
    assert load_workbook(file).sheetnames[-1] == "各来源资料"


async def test_without_a_view_there_is_one_sentence(settings: Settings) -> None:
    with pytest.raises(NoFigures, match="Redis holds no view yet"):
        await read(settings, asked())
