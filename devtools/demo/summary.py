"""The end of the demo: its results, and what to try next."""

from __future__ import annotations

from collections.abc import Iterable

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from devtools.demo.render import STAGES, dead_letter_words, tier_words
from devtools.demo.state import DemoState
from words import Words
from words.marks import mark

_NEXT = (
    ("demo --broker kafka", mark("the same on Apache Kafka (needs Java)")),
    ("demo --keep", mark("stays up afterwards, to look around with other commands")),
    ("cdnow purchases.jsonl", mark("the real purchases as a file of events")),
    ("backtest purchases.jsonl", mark("every change and alert they lead to, no broker")),
    ("backtest purchases.jsonl --policy mine.toml", mark("the same under your own rules")),
    ("simulate --events 100000 --out events.jsonl", mark("made-up traffic of every kind")),
)
_COMPOSE = (
    "docker compose up",
    mark("Kafka, Redis, worker, Prometheus and Grafana, live"),
)


def summary(state: DemoState, seconds: float) -> RenderableType:
    """The final figures; `seconds` is the time from the first event sent to the last processed."""
    words, population = state.words, state.population
    rate = state.processed / seconds if seconds > 0 else 0.0
    total = words.number(population.total)
    lines = [
        words.say(
            "{events} events in {seconds} s, {rate} a second: {customers} customers, {changes} "
            "tier changes, {alerts} alerts.",
            events=words.number(state.processed),
            seconds=words.number(seconds, 1),
            rate=words.number(rate, 0),
            customers=total,
            changes=words.number(state.tier_changes.total()),
            alerts=words.number(state.alerts.total()),
        ),
        words.say(
            "The Redis view holds {count} of {total} customers.",
            count=words.number(state.in_redis),
            total=total,
        ),
        dead_letter_words(state.dead_letters, words),
    ]
    if population.left_out:
        left_out = words.number(population.left_out)
        lines.append(words.say("{count} further customers are not in the tables.", count=left_out))
    tables = [
        _table(words.say("Customers by tier"), _tiers(state), words),
        _table(words.say("Customers by stage"), _stages(state), words),
        _table(words.say("Tier changes"), _changes(state), words),
        _table(words.say("Dormancy"), _alerts(state), words),
    ]
    return Group(Text("\n".join(lines)), "", Columns(tables, padding=(1, 2)), "")


def what_next(words: Words, program: str = "tierstream") -> RenderableType:
    """Commands to try next; `program` is how ours is called from this shell."""
    lines = Text(words.say("What to try next"), "bold underline")
    for command, (_, effect) in (*((f"{program} {rest}", why) for rest, why in _NEXT), _COMPOSE):
        lines.append(f"\n  # {words.say(effect)}", Style(dim=True, bold=False, underline=False))
        lines.append(f"\n  {command}", Style(bold=True, underline=False))
    return lines


def _tiers(state: DemoState) -> Iterable[tuple[str, int]]:
    for tier, label in state.tier_labels().items():
        yield f"{tier_words(tier, state.words)}  {label}", state.population.by_tier[tier]


def _stages(state: DemoState) -> Iterable[tuple[str, int]]:
    for stage in STAGES:
        yield state.words.term("stage", stage), state.population.by_stage[stage]


def _changes(state: DemoState) -> Iterable[tuple[str, int]]:
    words = state.words
    for (before, after, reason), count in state.tier_changes.most_common():
        move = f"{tier_words(before, words)} → {tier_words(after, words)}"
        yield f"{move}  {words.term('reason', reason)}", count


def _alerts(state: DemoState) -> Iterable[tuple[str, int]]:
    words = state.words
    for (type_name, level), count in state.alerts.most_common():
        yield f"{words.term('output', type_name)}  {words.term('level', level)}", count


def _table(title: str, rows: Iterable[tuple[str, int]], words: Words) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, min_width=24)
    table.add_column()
    table.add_column(justify="right")
    for name, count in rows:
        table.add_row(name, words.number(count))
    if not table.row_count:
        table.add_row(words.say("none"), "")
    return table
