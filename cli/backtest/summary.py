"""The results of a backtest, as tables for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from cli.backtest.report import Report
from scoring.rules import PROSPECT
from scoring.timestamps import rfc3339

if TYPE_CHECKING:
    from words import Words

LATE_SHARE = 0.01
"""Above this share of late events the order of the file is probably not that of arrival."""


def print_summary(
    console: Console, report: Report, folder: Path, words: Words, *, was_sorted: bool
) -> None:
    """Print customers, changes, alerts and dead letters, and what may be wrong."""
    *narrow, wide = _tables(report, words)
    console.print(Columns(narrow, padding=(0, 3)))
    console.print(wide)
    as_of = None if report.final_ms is None or report.final_ms < 0 else rfc3339(report.final_ms)
    console.print(
        words.say(
            "{lines} records: {accepted} accepted, {duplicates} duplicates, {dead} dead letters, "
            "{left_out} after the end, {late} late, {unmatched} changes without their order. "
            "As of {time}.",
            lines=words.number(report.lines),
            accepted=words.number(report.accepted),
            duplicates=words.number(report.duplicates),
            dead=words.number(report.dead_letters.total()),
            left_out=words.number(report.left_out),
            late=words.number(report.late),
            unmatched=words.number(report.unmatched),
            time=words.say("no time") if as_of is None else words.instant(as_of),
        )
    )
    if report.failures:
        what = words.listed(
            [f"{words.number(count)} {kind}" for kind, count in sorted(report.failures.items())]
        )
        console.print(
            words.say(
                "Faults in the rules, which are bugs: {what}. Please report them.", what=what
            ),
            style="red",
        )
    console.print(words.say("Outputs are in {folder}/", folder=folder))
    if not was_sorted and report.accepted and report.late > LATE_SHARE * report.accepted:
        console.print(
            words.say(
                "{share} of the events are late. If the file is not in the order of arrival, try "
                "--sort.",
                share=words.percent(report.late / report.accepted),
            ),
            style="yellow",
        )


def _tables(report: Report, words: Words) -> list[Table]:
    by_tier: Counter[str] = Counter()
    by_stage: Counter[str] = Counter()
    for (tier, stage), count in report.customers.items():
        by_tier[_tier(tier, words)] += count
        by_stage[words.term("stage", stage)] += count
    changes = {
        f"{_tier(before, words)} → {_tier(after, words)}  {words.term('reason', reason)}": count
        for (before, after, reason), count in report.tier_changes.items()
    }
    alerts = {
        f"{words.term('output', kind)}  {words.term('level', level)}": count
        for (kind, level), count in report.level_changes.items()
    }
    letters = {
        f"{why}  {words.term('dead_letter', why)}": count
        for why, count in report.dead_letters.items()
    }
    return [
        _table(words.say("Customers by tier"), by_tier, words),
        _table(words.say("Customers by stage"), by_stage, words),
        _table(words.say("Tier changes"), changes, words),
        _table(words.say("Dormancy"), alerts, words),
        _table(words.say("Dead letters"), letters, words),
    ]


def _tier(name: str, words: Words) -> str:
    return words.term("stage", PROSPECT) if name == PROSPECT else name


def _table(title: str, counts: Mapping[str, int], words: Words) -> Table:
    width = cell_len(title) + 2
    table = Table(title=title, show_header=False, title_justify="left", min_width=width)
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count:
            table.add_row(name, words.number(count))
    if not table.row_count:
        table.add_row(words.say("none"), "")
    return table
