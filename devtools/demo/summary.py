"""The end of the demo: its results, and what to try next."""

from __future__ import annotations

from collections.abc import Iterable

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from devtools.demo.render import STAGES, dead_letter_words
from devtools.demo.state import DemoState
from devtools.demo.wording import level_words

_NEXT = (
    ("demo --broker kafka", "the same on Apache Kafka (needs Java)"),
    ("demo --keep", "stays up afterwards, to look around with other commands"),
    ("cdnow purchases.jsonl", "the real purchases as a file of events"),
    ("backtest purchases.jsonl", "every change and alert they lead to, no broker"),
    ("backtest purchases.jsonl --policy mine.toml", "the same under your own rules"),
    ("simulate --events 100000 --out events.jsonl", "made-up traffic of every kind"),
)
_COMPOSE = ("docker compose up", "Kafka, Redis, worker, Prometheus and Grafana, live")


def summary(state: DemoState, seconds: float) -> RenderableType:
    """The final figures; `seconds` is the time from the first event sent to the last processed."""
    rate = state.processed / seconds if seconds > 0 else 0.0
    outcome = (
        f"{state.processed:,} events in {seconds:.1f} s, {rate:,.0f} a second: "
        f"{state.population.total:,} customers, {state.tier_changes.total():,} tier changes, "
        f"{state.alerts.total():,} alerts."
    )
    view = f"The Redis view holds {state.in_redis:,} of {state.population.total:,} customers."
    lines = [outcome, view, dead_letter_words(state.dead_letters)]
    if state.population.left_out:
        lines.append(f"{state.population.left_out:,} further customers are not in the tables.")
    tables = [
        _table("Customers by tier", _tiers(state)),
        _table("Customers by stage", _stages(state)),
        _table("Tier changes", _changes(state)),
        _table("Dormancy", _alerts(state)),
    ]
    return Group(Text("\n".join(lines)), "", Columns(tables, padding=(1, 2)), "")


def what_next(program: str = "tierstream") -> RenderableType:
    """Commands to try next; `program` is how ours is called from this shell."""
    lines = Text("What to try next", "bold underline")
    for command, effect in (*((f"{program} {rest}", why) for rest, why in _NEXT), _COMPOSE):
        lines.append(f"\n  # {effect}", Style(dim=True, bold=False, underline=False))
        lines.append(f"\n  {command}", Style(bold=True, underline=False))
    return lines


def _tiers(state: DemoState) -> Iterable[tuple[str, int]]:
    for tier, label in state.tier_labels().items():
        yield f"{tier}  {label}", state.population.by_tier[tier]


def _stages(state: DemoState) -> Iterable[tuple[str, int]]:
    return ((level_words(stage), state.population.by_stage[stage]) for stage in STAGES)


def _changes(state: DemoState) -> Iterable[tuple[str, int]]:
    for (before, after, reason), count in state.tier_changes.most_common():
        yield f"{before} → {after}  {level_words(reason)}", count


def _alerts(state: DemoState) -> Iterable[tuple[str, int]]:
    for (type_name, level), count in state.alerts.most_common():
        yield f"{type_name}  {level_words(level)}", count


def _table(title: str, rows: Iterable[tuple[str, int]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None, min_width=24)
    table.add_column()
    table.add_column(justify="right")
    for name, count in rows:
        table.add_row(name, f"{count:,}")
    if not table.row_count:
        table.add_row("none", "")
    return table
