"""The live view: a header, customers by tier and by stage, a feed, dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich import box
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from devtools.demo.state import DemoState
from handlers.outputs import CUSTOMER_REACTIVATED, CUSTOMER_RETURNED, DORMANCY_WITHDRAWN
from scoring.rules import PROSPECT
from words import Words

__all__ = ["DemoState", "progress_line", "render"]

STAGES = ("new", "active", "loyal", "at_risk", "dormant", "churned", "prospect")

_TIER_STYLES = ("green", "cyan", "yellow", "magenta", "blue")
_STYLES = {
    "up": "green",
    "first": "green",
    "down": "red",
    CUSTOMER_REACTIVATED: "cyan",
    CUSTOMER_RETURNED: "cyan",
    DORMANCY_WITHDRAWN: "cyan",
    "new": "cyan",
    "active": "green",
    "loyal": "bold green",
    "at_risk": "yellow",
    "dormant": "dark_orange3",
    "churned": "red",
    "prospect": "bright_black",
}
_TWO_PANELS_FROM_COLUMNS = 72
_HEADER_LINES = 3
_FOOTER_LINES = 1
_FEWEST_FEED_LINES = 2


def render(state: DemoState) -> RenderableType:
    """The whole view, as wide and as high as the terminal it is printed on."""
    return _View(state)


def progress_line(state: DemoState) -> str:
    """The same in one line, where there is no terminal."""
    words = state.words
    tiers = " ".join(
        f"{tier_words(tier, words)} {words.number(state.population.by_tier[tier])}"
        for tier in state.tier_labels()
    )
    return words.say(
        "{seconds} s  {date}  sent {sent}  processed {processed} ({rate}/s)  {tiers}  changes "
        "{changes}  alerts {alerts}  dead letters {dead}",
        seconds=f"{state.seconds:4.0f}",
        date=_date(state),
        sent=words.number(state.sent),
        processed=words.number(state.processed),
        rate=words.number(state.processed_rate.per_second, 0),
        tiers=tiers,
        changes=words.number(state.tier_changes.total()),
        alerts=words.number(state.alerts.total()),
        dead=words.number(state.dead_letters.total()),
    )


class _View:
    def __init__(self, state: DemoState) -> None:
        self._state = state

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        state, width, bar = self._state, options.max_width, _bar_character(options)
        side_by_side = width >= _TWO_PANELS_FROM_COLUMNS
        panel_width = width // 2 if side_by_side else width
        tiers = _panel(state.words.say("Customers by tier"), _tier_rows(state), panel_width, bar)
        stages = _panel(state.words.say("Customers by stage"), _stage_rows(state), panel_width, bar)
        tier_lines, stage_lines = len(state.tier_labels()) + 2, len(STAGES) + 2
        used = _HEADER_LINES + _FOOTER_LINES + 2
        used += max(tier_lines, stage_lines) if side_by_side else tier_lines
        stages_below = not side_by_side and used + stage_lines < options.size.height
        used += stage_lines if stages_below else 0
        # One line stays free: a view as high as the terminal would scroll.
        feed_lines = max(_FEWEST_FEED_LINES, options.size.height - used - 1)
        middle: RenderableType = Group(tiers, stages) if stages_below else tiers
        if side_by_side:
            middle = Columns([tiers, stages], padding=0)
        yield Group(_header(state, width), middle, _feed(state, feed_lines), _footer(state))


def _header(state: DemoState, width: int) -> RenderableType:
    title = Table.grid(expand=True, padding=(0, 1, 0, 0))
    title.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    title.add_column(justify="right", no_wrap=True)
    title.add_row(Text(state.title, "bold"), Text(_date(state), "bold cyan"))
    total = max(state.total, 1)
    say, number = state.words.say, state.words.number
    percent = f"{100 * state.processed // total:3d}"
    share = say("{percent} % of {total} events", percent=percent, total=number(state.total))
    bar = Table.grid(expand=True, padding=(0, 1, 0, 0))
    bar.add_column(ratio=1)
    bar.add_column(justify="right", no_wrap=True)
    bar.add_row(ProgressBar(total=total, completed=state.processed), share)
    numbers = Text(no_wrap=True, overflow="ellipsis")
    sent, done = number(state.sent_rate.per_second, 0), number(state.processed_rate.per_second, 0)
    numbers.append(say("in {count} ({rate}/s)", count=number(state.sent), rate=sent))
    numbers.append(
        " · " + say("done {count} ({rate}/s)", count=number(state.processed), rate=done), "b"
    )
    numbers.append(" · " + say("lag {count}", count=number(state.waiting)))
    if width >= _TWO_PANELS_FROM_COLUMNS:
        numbers.append(" · " + say("{seconds} s", seconds=number(state.seconds, 0)), "dim")
    return Group(title, bar, numbers)


def _tier_rows(state: DemoState) -> Iterable[tuple[str, str, int, str]]:
    for rank, (tier, label) in enumerate(state.tier_labels().items()):
        style = _STYLES.get(tier, _TIER_STYLES[rank % len(_TIER_STYLES)])
        yield tier_words(tier, state.words), label, state.population.by_tier[tier], style


def tier_words(name: str, words: Words) -> str:
    """A tier by its name; prospects by what they are called in the language."""
    return words.term("stage", PROSPECT) if name == PROSPECT else name


def _stage_rows(state: DemoState) -> Iterable[tuple[str, str, int, str]]:
    for stage in STAGES:
        yield state.words.term("stage", stage), "", state.population.by_stage[stage], _STYLES[stage]


def _panel(
    title: str, rows: Iterable[tuple[str, str, int, str]], width: int, bar: str
) -> RenderableType:
    rows = list(rows)
    most = max((count for _, _, count, _ in rows), default=0)
    names = max(Text(name).cell_len for name, _, _, _ in rows)
    labels = max(Text(label).cell_len for _, label, _, _ in rows)
    room = max(4, width - 4 - names - labels - 7 - 3)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    if labels:
        table.add_column(no_wrap=True, style="dim")
    table.add_column(justify="right", min_width=7, no_wrap=True)
    table.add_column(no_wrap=True)
    for name, label, count, style in rows:
        length = -(-count * room // most) if most else 0
        called = [Text(label)] if labels else []
        table.add_row(Text(name, style), *called, Text(f"{count:,}"), Text(bar * length, style))
    return Panel(table, title=title, title_align="left", width=width, box=box.ROUNDED)


def _feed(state: DemoState, lines: int) -> RenderableType:
    shown = list(state.news.shown)[-lines:]
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, line in enumerate(shown):
        text.append("\n" if number else "")
        text.append(f"{state.words.instant(line.at[:10])}  ", "dim")
        text.append(line.text, _STYLES.get(line.kind, ""))
    text.append("\n" * (lines - max(len(shown), 1)))
    changes, alerts = state.tier_changes.total(), state.alerts.total()
    title = state.words.say(
        "Newest of {changes} tier changes and {alerts} alerts",
        changes=state.words.number(changes),
        alerts=state.words.number(alerts),
    )
    return Panel(text, title=title, title_align="left", height=lines + 2, box=box.ROUNDED)


def _footer(state: DemoState) -> RenderableType:
    return Text(
        dead_letter_words(state.dead_letters, state.words), "dim", no_wrap=True, overflow="ellipsis"
    )


def dead_letter_words(dead_letters: Mapping[str, int], words: Words) -> str:
    """Dead letters in total and by reason, most frequent first."""
    total = words.number(sum(dead_letters.values()))
    ranked = sorted(dead_letters.items(), key=lambda item: (-item[1], item[0]))
    by_reason = " · ".join(
        f"{words.term('dead_letter', reason)} {words.number(count)}" for reason, count in ranked
    )
    if not by_reason:
        return words.say("Dead letters {count}", count=total)
    return words.say("Dead letters {count}: {reasons}", count=total, reasons=by_reason)


def _bar_character(options: ConsoleOptions) -> str:
    return "#" if options.ascii_only else "█"


def _date(state: DemoState) -> str:
    day = state.news.newest_at[:10]
    return state.words.instant(day) if day else state.words.say("before the first event")
