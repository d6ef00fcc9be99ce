"""The uplift of a campaign as text, for a terminal of 80 columns."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.explain.words import plain
from cli.uplift.comparison import GroupView, Outcomes, OutcomeView, UpliftReport

_REASONS = {
    "backfill": "alerted before going live",
    "policy_rollout": "alerted by a quiet policy",
    "no_consent": "not to be contacted",
    "open_complaint": "with an open complaint",
    "frequency_cap": "who had enough messages",
    "window_open": "whose window is not over",
}


def uplift_view(report: UpliftReport) -> RenderableType:
    """Both outcomes, who is left out, and how to read it."""
    parts: list[RenderableType] = [
        Text(
            f"Customers by their first {report.level} alert"
            + (f" since {report.since}" if report.since else "")
            + f", watched for {report.window_days} days; observed until "
            + (report.observed_until or "no time"),
        ),
        _table(report),
    ]
    for name, parts_of in (("tier", report.by_tier), ("action", report.by_action)):
        if len(parts_of) > 1:
            parts.append(_table_by(name, parts_of))
    if report.repurchase is None:
        parts.append(Text("Repurchase is not known without the orders: give --events.", "dim"))
    left = ", ".join(
        f"{count:,} {_REASONS.get(reason, reason)}" for reason, count in report.left_out.items()
    )
    parts.append(Text(f"In neither group: {left or 'nobody'}.", "dim"))
    parts.append(
        Text(
            f"Intervals of {report.confidence:.0%}: Wilson's for each share, Newcombe's for the "
            "difference. One that holds 0 shows no effect of the campaign.",
            "dim",
        )
    )
    return Group(*parts)


def _table(report: UpliftReport) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in ("customers", "did", "share", "interval"):
        table.add_column(name, justify="right")
    _add(table, "reactivation", report.reactivation)
    if report.repurchase is not None:
        _add(table, "repurchase", report.repurchase)
    return table


def _table_by(name: str, parts_of: dict[str, Outcomes]) -> Table:
    """Of each tier or action, how many did it of how many, treated and held out."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(f"by {name}")
    for column in ("reactivation, treated", "holdout", "repurchase, treated", "holdout"):
        table.add_column(column, justify="right")
    for part, outcomes in parts_of.items():
        cells = (*_of_both(outcomes.reactivation), *_of_both(outcomes.repurchase))
        table.add_row(Text(plain(part)), *cells)
    return table


def _of_both(outcome: OutcomeView | None) -> tuple[str, str]:
    if outcome is None:
        return "-", "-"
    treated, holdout = outcome.treated, outcome.holdout
    return (
        f"{treated.count:,} of {treated.customers:,}",
        f"{holdout.count:,} of {holdout.customers:,}",
    )


def _add(table: Table, name: str, outcome: OutcomeView) -> None:
    _add_group(table, f"{name}, treated", outcome.treated)
    _add_group(table, f"{name}, holdout", outcome.holdout)
    found = outcome.difference
    table.add_row(
        f"{name}, difference",
        "",
        "",
        _points(found.share),
        _interval(_points(found.low), _points(found.high)),
        style="bold",
    )


def _add_group(table: Table, name: str, group: GroupView) -> None:
    table.add_row(
        name,
        f"{group.customers:,}",
        f"{group.count:,}",
        _percent(group.share),
        _interval(_percent(group.low), _percent(group.high)),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def _points(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:+.2f} pp"


def _interval(low: str, high: str) -> str:
    return "-" if "-" in (low, high) else f"{low} to {high}"
