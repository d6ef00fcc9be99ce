"""The results of a backtest, as tables for a terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from cli.backtest.report import Report
from scoring.timestamps import rfc3339

LATE_SHARE = 0.01
"""Above this share of late events the order of the file is probably not that of arrival."""


def print_summary(console: Console, report: Report, folder: Path, *, was_sorted: bool) -> None:
    """Print customers, changes, alerts and dead letters, and what may be wrong."""
    by_tier: Counter[str] = Counter()
    by_stage: Counter[str] = Counter()
    for (tier, stage), count in report.customers.items():
        by_tier[tier] += count
        by_stage[stage] += count
    changes = {
        f"{before} → {after}  {reason}": count
        for (before, after, reason), count in report.tier_changes.items()
    }
    alerts = {f"{kind}  {level}": count for (kind, level), count in report.level_changes.items()}
    console.print(
        Columns(
            [
                _table("Customers by tier", by_tier),
                _table("Customers by stage", by_stage),
                _table("Tier changes", changes),
                _table("Dormancy", alerts),
                _table("Dead letters", report.dead_letters),
            ],
            padding=(0, 3),
        )
    )
    as_of = "" if report.final_ms is None or report.final_ms < 0 else rfc3339(report.final_ms)
    console.print(
        f"{report.lines:,} records: {report.accepted:,} accepted, "
        f"{report.duplicates:,} duplicates, {report.dead_letters.total():,} dead letters, "
        f"{report.left_out:,} after the end, {report.late:,} late, "
        f"{report.unmatched:,} changes without their order. As of {as_of or 'no time'}."
    )
    if report.failures:
        what = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.failures.items()))
        console.print(
            f"[red]Faults in the rules, which are bugs: {what}. Please report them.[/red]"
        )
    console.print(f"Outputs are in {folder}/")
    if not was_sorted and report.accepted and report.late > LATE_SHARE * report.accepted:
        console.print(
            f"[yellow]{report.late / report.accepted:.0%} of the events are late. If the file is "
            "not in the order of arrival, try --sort.[/yellow]"
        )


def _table(title: str, counts: Counter[str] | dict[str, int]) -> Table:
    table = Table(title=title, show_header=False, title_justify="left", min_width=len(title) + 2)
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count:
            table.add_row(name, f"{count:,}")
    if not table.row_count:
        table.add_row("none", "")
    return table
