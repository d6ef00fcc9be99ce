"""The console in a browser: its pages, against the API's own answers."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from openpyxl import load_workbook

from config.settings import Settings
from devtools.screenshots import PAGES
from devtools.servers.guardian import Workspace
from devtools.servers.ports import free_ports
from streams.kafka.topics import create_topics
from tests.harness.api import TokenBook, View
from tests.harness.browser import Watched, browsing, watched
from tests.harness.environment import CLI, bare_environment
from tests.harness.running_worker import RunningWorker
from tests.integration.test_api_changes import Upstream
from words import Language, words_in

pytestmark = pytest.mark.slow

WORDS = words_in(Language.EN)
HARMFUL = '<img src=x onerror="window.hurt=1">'
SINCE = "2026-01-01T00:00:00.000Z"


class RunningConsole(RunningWorker):
    """A process with API and console on one port; `http` is a client of it."""

    def __init__(self, folder: Path, workspace: Workspace, variables: dict[str, str]) -> None:
        (port,) = free_ports()
        self.base = f"http://127.0.0.1:{port}"
        self.pages = f"{self.base}/console"
        more = {"TIERSTREAM_API_PORT": str(port), "TIERSTREAM_API_CONSOLE": "true"}
        super().__init__("console", variables | more, folder, workspace, (*CLI, "api"))

    async def told(self, path: str, **parameters: Any) -> Any:
        """An answer of the API."""
        async with httpx.AsyncClient(base_url=self.base, timeout=60) as http:
            answer = await http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    found = Workspace("console")
    yield found
    found.close()


@pytest.fixture
async def shop(settings: Settings, view: View) -> Settings:
    """Customers in three tiers, one with a name and tags that would do harm as HTML."""
    await create_topics(settings)
    await view.put(
        *[
            (f"c{number:03}", {"tier": "B", "monetary": f"{100 + number}.50", "r": 5, "f": 2})
            for number in range(60)
        ],
        ("rich", {"tier": "A", "monetary": "9000.00", "r": 5, "f": 3, "attributes": {}}),
        (
            HARMFUL,
            {
                "tier": "A",
                "monetary": "8000.00",
                "owner": HARMFUL,
                "attributes": {"name": HARMFUL, "region": HARMFUL},
                "tags": [{"tag": HARMFUL, "since": SINCE}],
            },
        ),
        ("=1+1", {"tier": "C", "monetary": "-3.00"}),
    )
    return settings


async def run(
    settings: Settings, folder: Path, workspace: Workspace, **variables: str
) -> AsyncIterator[RunningConsole]:
    console = RunningConsole(folder, workspace, bare_environment(settings, **variables))
    try:
        await console.ready()
        yield console
        assert console.stop() == 0
        assert [each for each in console.complaints if "no tokens are set up" not in each] == []
    finally:
        console.end()


@pytest.fixture
async def console(
    shop: Settings, tmp_path: Path, workspace: Workspace
) -> AsyncIterator[RunningConsole]:
    """A console that needs no login."""
    async for running in run(shop, tmp_path, workspace):
        yield running


async def test_pages_show_the_figures_of_the_api_and_harm_nobody(
    console: RunningConsole, settings: Settings
) -> None:
    async with browsing() as browser, watched(browser) as seen:
        for path in PAGES.values():
            await seen.open(console.pages + path)
            await check_is_harmless(seen)
        await check_figures(console, seen)
        await check_map_leads_to_customers(console, seen)
        await check_switches(console, seen)
        await check_live_change(console, seen, settings)
        await check_keyboard(console, seen)
        await seen.open(f"{console.pages}/customer?id={HARMFUL}")
        assert HARMFUL in await seen.text()
        await check_is_harmless(seen)
        assert [url for url in seen.requests if not url.startswith(own_addresses(console))] == []
        assert seen.complaints == []
    await check_file(console)
    assert HARMFUL not in console.log


def own_addresses(console: RunningConsole) -> tuple[str, ...]:
    return (console.base, console.base.replace("http", "ws"), "data:", "blob:")


async def check_is_harmless(seen: Watched) -> None:
    assert await seen.page.evaluate("window.hurt") is None
    assert await seen.page.evaluate("document.querySelectorAll('img[src=x]').length") == 0


async def check_figures(console: RunningConsole, seen: Watched) -> None:
    figures = await console.told("/v1/figures")
    await seen.open(f"{console.pages}/")
    text = await seen.text()
    total = figures["total"]
    assert WORDS.number(total["customers"]) in text
    assert WORDS.money(total["spend"]) in text
    for row in figures["rows"]:
        cells = [row["value"], WORDS.number(row["customers"])]
        shares = [WORDS.percent(row["customers_share"], 1), WORDS.money(row["spend"])]
        assert "\t".join([cells[0], "", *cells[1:], *shares]).replace("\t\t", "\t") in flat(text)


def flat(text: str) -> str:
    """Text with one tab between cells, whatever the browser put there."""
    return "\t".join(part for part in text.replace("\n", "\t").split("\t") if part.strip())


async def check_map_leads_to_customers(console: RunningConsole, seen: Watched) -> None:
    await seen.open(f"{console.pages}/map")
    await seen.page.click("text=R5 F2")
    await seen.page.wait_for_url("**/customers?rf=52")
    await seen.settled()
    found = await console.told("/v1/customers", rf="52", limit=50)
    links = await seen.page.locator("table a").all_inner_texts()
    assert links == [customer["customer_id"] for customer in found["customers"]]
    await seen.page.click("text=Next page")
    await seen.page.wait_for_url("**cursor=**")
    await seen.settled()
    assert len(await seen.page.locator("table a").all_inner_texts()) == 60 - 50
    await seen.open(f"{console.pages}/customers?tier=A&order=spend")
    names = await seen.page.locator("table a").all_inner_texts()
    assert names == [f"{HARMFUL} · {HARMFUL}", "rich"]


async def check_switches(console: RunningConsole, seen: Watched) -> None:
    await seen.open(f"{console.pages}/map?by=spend")
    await seen.page.click("text=中文")
    await seen.settled()
    assert seen.page.url == f"{console.pages}/map?by=spend"
    assert await seen.page.inner_text("h1") == words_in(Language.ZH).say("RFM map")
    assert await seen.page.evaluate("document.documentElement.lang") == "zh-CN"
    await seen.page.click("text=English")
    await seen.settled()
    for theme, is_dark in (("light", False), ("dark", True)):
        await seen.page.click(".switches .theme")
        await seen.settled()
        assert theme in await seen.page.inner_text(".switches .theme")
        dark = await seen.page.evaluate("document.body.classList.contains('body--dark')")
        assert dark is is_dark


async def check_live_change(console: RunningConsole, seen: Watched, settings: Settings) -> None:
    await seen.open(f"{console.pages}/")
    await seen.page.wait_for_selector("text=live")
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    try:
        upstream = Upstream(producer, settings.topic_prefix)
        await upstream.tell(
            "tier-changes", "tier.changed", "just-now", effective_at=SINCE, direction="up"
        )
    finally:
        await producer.stop()
    await seen.page.wait_for_selector(".feed >> text=just-now")


async def check_keyboard(console: RunningConsole, seen: Watched) -> None:
    """Tab reaches the links of the navigation, the switches and the content, in this order."""
    await seen.open(f"{console.pages}/lists")
    reached = []
    for _ in range(12):
        await seen.page.keyboard.press("Tab")
        reached.append(await seen.page.evaluate("document.activeElement.innerText"))
    wanted = ["Tierstream", "Overview", "Movement", "RFM map", "Distributions", "Customers"]
    assert reached[: len(wanted)] == wanted
    assert "About to fall" in reached


async def check_file(console: RunningConsole) -> None:
    """A file is that of the API, and a workbook has its rows, with no cell that is a formula."""
    async with httpx.AsyncClient(timeout=60) as http:
        name, asked = f"{console.pages}/files/customers", {"order": "spend"}
        answer = await http.get(f"{name}.csv", params=asked)
        of_api = await http.get(f"{console.base}/v1/customers", params=asked | {"format": "csv"})
        excel = await http.get(f"{name}.xlsx", params=asked)
    assert answer.text == of_api.text
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\N{BYTE ORDER MARK}"))))
    assert len(rows) == 1 + 63
    [sheet] = load_workbook(io.BytesIO(excel.content)).worksheets
    cells = [list(row) for row in sheet.iter_rows()]
    found = [[str(cell.value or "") for cell in row] for row in cells]
    assert found == [[value.removeprefix("'") for value in row] for row in rows]
    assert "f" not in {cell.data_type for row in cells for cell in row}


async def test_login_takes_a_token_and_shows_what_its_scopes_allow(
    shop: Settings, book: TokenBook, tmp_path: Path, workspace: Workspace
) -> None:
    reader, manager = book.add("crm", "read"), book.add("boss", "read", "attributes")
    variables = {"TIERSTREAM_API_TOKEN_FILE": str(book.path)}
    async for console in run(shop, tmp_path, workspace, **variables):
        customer = f"{console.pages}/customer?id={HARMFUL}"
        async with browsing() as browser, watched(browser) as seen:
            await seen.page.goto(customer)
            await seen.page.wait_for_url("**/login?to=**")
            await log_in(seen, "tst_wrong")
            await seen.page.wait_for_selector("text=This token is not valid.")
            await log_in(seen, reader)
            await seen.page.wait_for_url("**/customer?id=**")
            await seen.settled()
            assert "Region" not in await seen.text()
            cookies = {each["name"]: each for each in await seen.page.context.cookies()}
            assert cookies["tierstream_session"]["httpOnly"]
            assert reader not in str(cookies)
            await seen.open(f"{console.pages}/distributions")
            assert "Your token may not see this." in await seen.text()
            await seen.page.click("text=Log out")
            await seen.page.wait_for_url("**/login")
            await log_in(seen, manager)
            await seen.page.wait_for_selector("text=At a glance")
            await seen.open(customer)
            assert "Region" in await seen.text()
            book.remove("boss")
            await seen.page.wait_for_timeout(2_500)  # the file is read again every second
            await seen.page.goto(customer)
            await seen.page.wait_for_url("**/login")
        for secret in (reader, manager):
            assert secret not in console.log


async def log_in(seen: Watched, token: str) -> None:
    await seen.page.fill("input", token)
    await seen.page.press("input", "Enter")


async def test_a_page_without_a_view_says_why_and_a_phone_needs_no_sideways_scroll(
    settings: Settings, view: View, tmp_path: Path, workspace: Workspace
) -> None:
    await create_topics(settings)
    await view.put(("ana", {"tier": "A"}))
    async for console in run(settings, tmp_path, workspace):
        async with (
            browsing() as browser,
            watched(browser, viewport={"width": 390, "height": 844}) as seen,
        ):
            for path in PAGES.values():
                await seen.open(console.pages + path)
                # A table that was just drawn takes a moment to shrink into its frame.
                await seen.page.wait_for_function(
                    "document.documentElement.scrollWidth <= window.innerWidth", timeout=5_000
                )
            await seen.open(f"{console.pages}/customer?id=nobody")
            assert await seen.page.locator("[role=alert]").first.inner_text() == (
                "There is no such customer."
            )
