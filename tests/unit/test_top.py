"""`tierstream top` shows what processes answer, and those that do not."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import generate_latest
from rich.console import Console
from typer.testing import CliRunner

from cli.main import app
from cli.top.poll import Answer, Figures, Poller
from cli.top.rates import Watched
from cli.top.reading import Reading, read_metrics
from cli.top.view import top_view
from streams.runtime.http_server import HttpServer
from streams.runtime.metrics import Metrics
from words import Language, words_in

pytestmark = pytest.mark.usefixtures("no_settings")


class Process:
    """A process with real metrics and probes."""

    def __init__(self, kind: str = "live") -> None:
        self.metrics = Metrics()
        self.metrics.worker.info({"app_id": "tierstream", "mode": kind})
        self.ready = {"partitions": True, "redis": True}
        self.server = HttpServer(
            "127.0.0.1", 0, self.metrics.registry, readiness=lambda: self.ready
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def work(self, events: int) -> None:
        metrics = self.metrics
        metrics.events.labels("orders", "order.placed", "accepted").inc(events)
        metrics.events.labels("orders", "order.placed", "forwarded").inc(events)
        metrics.dead_letters.labels("orders", "not_json").inc(1)
        metrics.tier_changes.labels("B", "A", "order").inc(2)
        metrics.alerts.labels("dormancy.alert", "dormant").inc(3)
        for _ in range(events):
            metrics.event_delay_seconds.labels("orders").observe(0.02)


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    process = Process()
    async with process.server:
        yield process


def shown(watched: Watched, language: Language = Language.EN) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(top_view(watched, words_in(language)))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return " ".join(text.split())


async def test_rates_lag_delay_and_tiers_are_those_of_the_metrics(process: Process) -> None:
    process.metrics.consumer_lag.labels("customer-events", "0").set(7)
    process.metrics.customers_by_tier.labels("A").set(3)
    process.metrics.customers_by_tier.labels("prospect").set(1)
    process.metrics.assigned_partitions.set(4)
    process.metrics.ingest_stopped.labels("orders", "2").set(1)
    poller, watched = Poller([process.url], None, None), Watched()
    watched.note(10.0, *await poller.ask())
    assert watched.rate("events") is None
    process.work(99)
    watched.note(12.0, *await poller.ask())
    assert watched.rate("events") == 50
    assert watched.rate("tier_changes") == 1
    assert watched.rate("alerts") == 1.5
    assert watched.delay_s(0.95) is not None
    assert 0.02 <= (watched.delay_s(0.95) or 0) <= 0.1
    page = shown(watched)
    for part in ("50", "7", "well, 4 partitions", "A 3 75.0%", "prospect 1", "Stopped: orders/2"):
        assert part in page
    assert "worker" in page


async def test_a_process_that_is_unwell_or_gone_is_shown_as_such(process: Process) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        process.ready["redis"] = False
        answers, figures = await Poller([process.url, nobody], nobody, "token").ask()
    assert answers[0].failing == ("redis",)
    assert answers[1].reading is None
    watched = Watched()
    watched.note(1.0, answers, figures)
    page = shown(watched)
    assert "unhealthy: redis" in page
    assert "no answer: connection refused" in page
    assert "the API does not answer:" in page
    assert "异常：redis" in shown(watched, Language.ZH)


async def test_what_is_no_process_of_ours_is_told() -> None:
    async def other(_request: web.Request) -> web.Response:
        return web.Response(text="python_info 1.0\n")

    application = web.Application()
    application.router.add_get("/{any}", other)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        answers, _ = await Poller([f"http://127.0.0.1:{runner.addresses[0][1]}"], None, None).ask()
    finally:
        await runner.cleanup()
    assert [answer.problem for answer in answers] == ["it has no metrics of Tierstream"]


async def test_the_figures_of_the_api_are_asked_for_with_the_token() -> None:
    asked: list[Any] = []

    async def figures(request: web.Request) -> web.Response:
        asked.append((request.path_qs, request.headers.get("Authorization")))
        rows = [{"value": "A", "customers": 12, "spend": "3400.50"}]
        return web.json_response({"by": "tier", "rows": rows})

    application = web.Application()
    application.router.add_get("/v1/figures", figures)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api = f"http://127.0.0.1:{runner.addresses[0][1]}"
        _, found = await Poller([], api, "secret").ask()
    finally:
        await runner.cleanup()
    assert asked == [("/v1/figures?by=tier", "Bearer secret")]
    watched = Watched()
    watched.note(1.0, [], found)
    assert "A 12 100.0% 3,400.50" in shown(watched)


def test_a_process_that_was_started_anew_has_no_negative_rate() -> None:
    watched = Watched()
    for second, events in ((1, 500), (2, 600), (3, 10), (4, 30)):
        watched.note(second, [Answer("a", Reading("live", events=events))], None)
    assert watched.rate("events") == 20


def test_a_delay_beyond_the_last_bucket_is_long() -> None:
    watched = Watched()
    for second, count in ((1, 0), (2, 10)):
        reading = Reading("live")
        reading.delays.update({0.1: count // 2, math.inf: count})
        watched.note(second, [Answer("a", reading)], None)
    assert (watched.delay_s(0.5), watched.delay_s(0.95)) == (0.1, math.inf)
    assert "long" in shown(watched)


def test_text_of_servers_has_no_effect_on_the_terminal() -> None:
    watched = Watched()
    answer = Answer("http://[::1]:1", problem="\x1b[31m[bold]bad")
    row = {"value": "[red]A\x1b", "customers": 1, "spend": "1"}
    watched.note(1.0, [answer], Figures((row,)))
    page = shown(watched)
    assert "\x1b" not in page
    assert "\\x1b[31m[bold]bad" in page
    assert "[red]A\\x1b" in page


def test_readings_take_the_kind_and_the_view_of_a_projector() -> None:
    process = Process("projector")
    process.metrics.view_customers.labels("A").set(5)
    process.metrics.view_delay_seconds.set(2.5)
    reading = read_metrics(generate_latest(process.metrics.registry).decode())
    assert (reading.kind, reading.view_delay_s, dict(reading.in_view)) == (
        "projector",
        2.5,
        {"A": 5},
    )


async def test_without_a_terminal_it_prints_one_snapshot_and_ends(process: Process) -> None:
    arguments = ["top", process.url.removeprefix("http://"), "--every", "0.2", "--lang", "zh"]
    ended = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert ended.exit_code == 0
    assert "事件/秒" in ended.output
    assert "正常" in ended.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ftp://a:1"], "'ftp://a:1' is no address such as 127.0.0.1:8080"),
        (["a:99999"], "'a:99999' is no address"),
        (["a:1/metrics"], "'a:1/metrics' is no address"),
        (["--token-file", "x"], "--token-file goes with --api"),
        (["--api", "a:1", "--token-file", "/no/such/file"], "/no/such/file: No such file"),
        (["--lang", "de"], "there is no language 'de', only en, zh"),
        ([f"a:{port}" for port in range(1, 70)], "more than 64 addresses"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], sentence: str) -> None:
    ended = CliRunner().invoke(app, ["top", *arguments])
    assert ended.exit_code == 1
    assert sentence in ended.stderr


def test_a_file_without_a_token_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("two words\n")
    ended = CliRunner().invoke(app, ["top", "--api", "a:1", "--token-file", str(file)])
    assert ended.exit_code == 1
    assert "does not hold a token" in ended.stderr
