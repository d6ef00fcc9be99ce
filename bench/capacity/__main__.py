"""`python -m bench.capacity`: what a deployment needs, by the formulas of `docs/capacity.md`.

Without arguments it works out the cases of that page; `--write` brings them into it. Any constant
can be replaced: `--set client_us=20 --set memory_bytes=1500`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.capacity.constants import CONSTANTS
from bench.capacity.model import Demand, Machine, Need, need

PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"
BEGIN, END = "<!-- {}: written by python -m bench.capacity -->", "<!-- {}: end -->"
_CASES = (Demand(1e7, 1e9), Demand(1e9, 1e9), Demand(1e7, 5e10), Demand(1e9, 5e10))
_UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))


def values() -> dict[str, float]:
    """The constants without their words."""
    return {name: constant.value for name, constant in CONSTANTS.items()}


def constants_table(constants: Mapping[str, float]) -> str:
    """The constants, as Markdown."""
    lines = ["| name | value | | measured by |", "|---|---|---|---|"]
    for name, constant in CONSTANTS.items():
        value = f"{constants[name]:,g}" if constants[name] < 1e5 else f"{constants[name]:,.0f}"
        lines.append(
            f"| `{name}` | {value} {constant.unit} | {constant.what} | `{constant.command}` |"
        )
    return "\n".join(lines)


def needs_table(constants: Mapping[str, float], demands: Sequence[Demand]) -> str:
    """What the demands need, side by side, as Markdown."""
    needs = [need(constants, demand, Machine()) for demand in demands]
    titles = [f"{_count(d.customers)} customers, {_count(d.events_per_day)} a day" for d in demands]
    rows = [_rows(one) for one in needs]
    lines = ["| | " + " | ".join(titles) + " |", "|---" * (len(demands) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(row[name] for row in rows) + " |" for name in rows[0]]
    return "\n".join(lines)


def _rows(found: Need) -> dict[str, str]:
    return {
        "events/s: mean, peak": f"{found.mean_events_s:,.0f}, {found.peak_events_s:,.0f}",
        **{f"workers for {name}": f"{count:,}" for name, count in found.by.items()},
        "**workers**, of one core each": f"**{found.workers:,}**, for {found.breaks_first}",
        "**partitions**": f"**{found.partitions:,}**",
        "memory of a worker, of all": f"{_bytes(found.worker_memory_bytes)},"
        f" {_bytes(found.memory_bytes)}",
        "restore of a worker, s": f"{found.restore_seconds:,.0f}",
        "all who fall due at once, s": f"{found.due_seconds:,.0f}",
        "catching up after 10 minutes without workers, s": f"{found.catch_up_seconds:,.0f}",
        "broker cores": f"{found.broker_cores:,.0f}",
        **{f"disk: {name}": _bytes(size) for name, size in found.disk_bytes.items()},
        "**disk**": f"**{_bytes(sum(found.disk_bytes.values()))}**",
        "network: written": f"{_bytes(found.network_in_bytes_s)}/s",
        "… of it idle": f"{_bytes(found.idle_bytes_s)}/s, {found.idle_records_s:,.0f} records/s",
        "network: between brokers": f"{_bytes(found.network_copies_bytes_s)}/s",
        "network: read": f"{_bytes(found.network_out_bytes_s)}/s",
        "Redis: memory, cores": f"{_bytes(found.view_bytes)}, {found.view_cores:,.1f}",
    }


def _bytes(size: float) -> str:
    unit, name = next((u for u in _UNITS if size >= u[0]), _UNITS[-1])
    return f"{size / unit:.3g} {name}"


def _count(number: float) -> str:
    if number >= 1e9:
        return f"{number / 1e9:g} billion"
    return f"{number / 1e6:g} million" if number >= 1e6 else f"{number:,.0f}"


def replaced(page: str, name: str, text: str) -> str:
    """The page with a table between its marks.

    Raises:
        ValueError: it has no such marks.
    """
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"the page has no lines '{begin}' and '{end}'")
    return f"{before}{begin}\n{text}\n{end}{after}"


def written(page: str) -> str:
    """The page with the tables of the constants as they are."""
    page = replaced(page, "constants", constants_table(values()))
    return replaced(page, "needs", needs_table(values(), _CASES))


def main() -> int:
    """Work it out and print it."""
    arguments = _arguments()
    constants = values()
    for assignment in arguments.set:
        name, _, value = assignment.partition("=")
        if name not in constants:
            print(f"bench.capacity: there is no constant {name!r}", file=sys.stderr)
            return 1
        constants[name] = float(value)
    if arguments.write:
        PAGE.write_text(written(PAGE.read_text()))
        return 0
    demands: Sequence[Demand] = _CASES
    if arguments.customers or arguments.events_per_day:
        options = {name: getattr(arguments, name) for name in Demand._fields}
        told = {name: value for name, value in options.items() if value is not None}
        demands = (Demand(**{"customers": 1e7, "events_per_day": 1e9, **told}),)
    print(constants_table(constants), needs_table(constants, demands), sep="\n\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    for name in Demand._fields:
        kind = int if name == "copies" else float
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="another constant"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
