"""What was measured, as Markdown, and into `docs/performance.md`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.growth.burst import TIMES, Burst
from bench.growth.customers import ORDERS
from bench.growth.size import DUE_SHARE, EVENTS, Size
from bench.whole import WholePath
from config.build import build

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
_BEGIN, _END = "<!-- growth, {}: written by python -m bench.growth -->", "<!-- growth, {}: end -->"


class MarksMissing(ValueError):
    """A document has no place for a table."""


def conditions() -> str:
    """The build and how busy the machine was, which every reader should know."""
    return f"{build()} build; {os.cpu_count()} cores, load {os.getloadavg()[2]:.0f}"


def sizes_table(sizes: Sequence[Size]) -> str:
    """A column for each number of customers."""
    rows: dict[str, list[str]] = {
        f"bytes of a state, {ORDERS} orders": [f"{s.state_bytes:,.0f}" for s in sizes],
        "memory, bytes a customer": [f"{s.memory_bytes:,.0f}" for s in sizes],
        "most memory in the restore, MiB": [f"{s.peak_bytes / 2**20:,.0f}" for s in sizes],
        "restore, CPU s": [f"{s.restore_seconds:,.2f}" for s in sizes],
        "… µs a customer": [f"{s.restore_seconds / s.customers * 1e6:,.1f}" for s in sizes],
        f"an event of {EVENTS:,}, CPU µs": [f"{s.event_us:,.1f}" for s in sizes],
        f"a day on which {DUE_SHARE:.0%} fall due: customers": [
            f"{s.due_customers:,}" for s in sizes
        ],
        "… CPU s": [f"{s.day_seconds:,.2f}" for s in sizes],
        "… µs for each of them": [f"{s.due_us:,.0f}" for s in sizes],
        "a tick at which nobody is due, CPU µs": [f"{s.idle_tick_us:,.1f}" for s in sizes],
    }
    head = " | ".join(f"{size.customers:,}" for size in sizes)
    lines = [f"| {conditions()} | {head} |", "|---" * (len(sizes) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]
    return "\n".join(lines)


def workers_table(one: WholePath, two: WholePath) -> str:
    """One worker, two, and how many times the first."""
    rows = [
        ("events/s", one.events_per_second, two.events_per_second),
        ("CPU µs an event, workers", one.worker_us, two.worker_us),
        ("CPU µs an event, broker", one.broker_us, two.broker_us),
    ]
    lines = [f"| {conditions()} | one worker | two | times |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {first:,.1f} | {second:,.1f} | {second / first:.2f} |"
        for name, first, second in rows
    ]
    return "\n".join(lines)


def burst_table(burst: Burst) -> str:
    """What a burst did."""
    name = f"{burst.rate:,} events/s, then {burst.rate * TIMES:,} for {burst.seconds:g} s"
    return "\n".join(
        [
            f"| {name}; {conditions()} | s |",
            "|---|---|",
            f"| longest wait before the burst | {burst.longest_before_s:.2f} |",
            f"| longest wait of {burst.outputs:,} orders | {burst.longest_s:.2f} |",
            f"| caught up after the end of the burst | {burst.caught_up_s:.2f} |",
        ]
    )


def write(parts: Mapping[str, str], page: Path = PAGE) -> None:
    """Bring tables into the page by their names.

    Raises:
        MarksMissing: it has no place for one.
    """
    text = page.read_text()
    for name, table in parts.items():
        begin, end = _BEGIN.format(name), _END.format(name)
        before, found, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found or not found_end:
            raise MarksMissing(f"{page.name} has no lines '{begin}' and '{end}'")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    page.write_text(text)
