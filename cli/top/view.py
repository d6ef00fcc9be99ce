"""The live view: rates and latencies, processes with their state, customers by tier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.explain.words import plain
from cli.top.poll import Answer
from cli.top.rates import Watched
from words import Words

_MOST_TIERS = 12


def top_view(watched: Watched, words: Words) -> RenderableType:
    """The whole view, as wide as the terminal."""
    parts = [_numbers(watched, words), _processes(watched, words), _tiers(watched, words)]
    stopped = sorted(each for reading in watched.readings for each in reading.stopped)
    if stopped:
        text = words.say("Stopped: {partitions}", partitions=words.listed(stopped))
        parts.append(Text(plain(text), "bold red"))
    return Group(*parts)


def _numbers(watched: Watched, words: Words) -> RenderableType:
    say = words.say
    lag = sum(reading.lag for reading in watched.readings)
    cells = {
        say("Events/s"): _rate(watched.rate("events"), words),
        say("Lag"): words.number(lag, 0) if watched.readings else "-",
        say("Delay, half"): _seconds(watched.delay_s(0.5), words),
        say("Delay, 95%"): _seconds(watched.delay_s(0.95), words),
        say("Changes/min"): _rate(watched.rate("tier_changes"), words, 60),
        say("Alerts/min"): _rate(watched.rate("alerts"), words, 60),
        say("Dead letters/min"): _rate(watched.rate("dead_letters"), words, 60),
    }
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in cells:
        table.add_column(title, justify="right")
    table.add_row(*(Text(cell, "bold") for cell in cells.values()))
    return table


def _processes(watched: Watched, words: Words) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column(words.named("column", "process"), overflow="fold")
    table.add_column(words.named("column", "address"), overflow="fold")
    table.add_column(words.named("column", "a second"), justify="right")
    table.add_column(words.named("column", "lag"), justify="right")
    table.add_column(words.named("column", "state"), overflow="fold", ratio=1)
    for answer in watched.answers:
        table.add_row(*_process(answer, watched, words))
    return Panel(table, title=words.say("Processes"), title_align="left", box=box.ROUNDED)


def _process(answer: Answer, watched: Watched, words: Words) -> Iterator[Text]:
    reading = answer.reading
    kind = "" if reading is None else words.term("process", reading.kind)
    yield Text(plain(kind) or "?")
    yield Text(plain(answer.address.removeprefix("http://")))
    counter = "requests" if reading is not None and reading.requests else "events"
    yield Text(_rate(watched.rate(counter, [answer.address]), words))
    yield Text("" if reading is None else words.number(reading.lag, 0))
    yield _state(answer, words)


def _state(answer: Answer, words: Words) -> Text:
    reading, say = answer.reading, words.say
    if reading is None:
        return Text(plain(say("no answer: {reason}", reason=answer.problem)), "bold red")
    if answer.failing:
        text = say("unhealthy: {checks}", checks=words.listed(list(answer.failing)))
        return Text(plain(text), "bold yellow")
    found = [say("well")]
    if reading.partitions:
        found.append(say("{count} partitions", count=words.number(reading.partitions, 0)))
    if reading.view_delay_s:
        behind = _seconds(reading.view_delay_s, words)
        found.append(say("view {time} behind", time=behind))
    return Text(words.listed(found), "green")


def _tiers(watched: Watched, words: Words) -> RenderableType:
    spends, customers = _spends(watched), _customers(watched)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(words.named("column", "tier"))
    table.add_column(words.named("column", "customers"), justify="right")
    table.add_column(words.named("column", "share"), justify="right")
    if spends:
        table.add_column(words.named("column", "spend"), justify="right")
    total = customers.total() or 1
    for tier, count in customers.most_common(_MOST_TIERS):
        spend = [] if not spends else [words.money(spends.get(tier, Decimal(0)))]
        name = words.term("stage", tier) if tier == "prospect" else plain(tier)
        cells = (name, words.number(count), words.percent(count / total, 1), *spend)
        table.add_row(*map(Text, cells))
    body: list[RenderableType] = [table]
    if watched.figures is not None and watched.figures.problem:
        problem = words.say("the API does not answer: {reason}", reason=watched.figures.problem)
        body.append(Text(plain(problem), "bold red"))
    title = words.say("Customers by tier")
    return Panel(Group(*body), title=title, title_align="left", box=box.ROUNDED)


def _customers(watched: Watched) -> Counter[str]:
    """From the API, else from the projectors, which show all alike, else from the workers."""
    if watched.figures is not None and watched.figures.rows:
        return Counter({str(row["value"]): int(row["customers"]) for row in watched.figures.rows})
    in_view = [reading.in_view for reading in watched.readings if reading.in_view.total()]
    if in_view:
        return in_view[0]
    return sum((reading.by_tier for reading in watched.readings), Counter())


def _spends(watched: Watched) -> dict[str, Decimal]:
    rows = () if watched.figures is None else watched.figures.rows
    return {str(row["value"]): Decimal(row["spend"]) for row in rows}


def _rate(rate: float | None, words: Words, seconds: int = 1) -> str:
    return "-" if rate is None else words.number(round(rate * seconds, 1))


def _seconds(seconds: float | None, words: Words) -> str:
    if seconds is None:
        return "-"
    if seconds == float("inf"):
        return words.say("long")
    return words.say("{seconds} s", seconds=words.number(round(seconds, 3)))
