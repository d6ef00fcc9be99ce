"""`python -m bench.guard`: whether an event costs more than what was committed.

A cost is CPU time as a multiple of the reading limit of the same run. The worker's own code runs
without Kafka, in turns with the reading limit: fetches are decoded and parsed, and nothing else.
`--renew` commits the present multiples instead, for the build at hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.guard.measure import MAY_BE_WORSE, Costs, Effort, measure, worse
from config.build import build
from streams.runtime.gc_tuning import collect_rarely

COMMITTED = Path(__file__).with_name("committed.json")
_EFFORT = Effort(rounds=8, most_rounds=40)
"""A busy machine may need more rounds; slower code is as slow in all of them."""
_EFFORT_OF_RENEWAL = Effort(rounds=30, most_rounds=30)


def main() -> int:
    """Measure, print and judge."""
    arguments = _arguments()
    kept = json.loads(arguments.committed.read_text())
    committed: dict[str, float] = kept["ratios"].get(build(), {})
    if not committed and not arguments.renew:
        print(f"bench.guard: no ratios are committed for the {build()} build", file=sys.stderr)
        return 1

    collect_rarely()  # as a worker does
    effort = _EFFORT_OF_RENEWAL if arguments.renew else _EFFORT
    costs = measure(effort, lambda found: not worse(found.ratios, committed))
    Console(highlight=False).print(_table(costs, committed))
    if arguments.renew:
        kept["ratios"][build()] = {name: round(one, 2) for name, one in costs.ratios.items()}
        arguments.committed.write_text(json.dumps(kept, indent=2) + "\n")
        return 0
    found = worse(costs.ratios, committed)
    for name in found:
        print(
            f"bench.guard: {name} costs {costs.ratios[name]:.1f} times the reading limit, more than"
            f" {MAY_BE_WORSE:.0%} above the committed {committed[name]:.1f}",
            file=sys.stderr,
        )
    return 1 if found else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.guard", description=__doc__)
    parser.add_argument("--renew", action="store_true", help="write the ratios of now to the file")
    parser.add_argument("--committed", type=Path, default=COMMITTED, help="the file")
    return parser.parse_args()


def _table(costs: Costs, committed: Mapping[str, float]) -> Table:
    table = Table(title=f"CPU without Kafka, {build()} build")
    for name in ("", "µs an event", "times the reading limit", "committed"):
        table.add_column(name, justify="right" if name else "left")
    us = {"ingest": costs.ingest, "engine": costs.engine, "rules": costs.rules}
    table.add_row("reading limit", f"{costs.us(costs.limit):.2f}", "", "")
    for name, ratio in costs.ratios.items():
        spent = costs.us(us[name]) if name in us else costs.us(costs.ingest + costs.engine)
        was = f"{committed[name]:.1f}" if name in committed else ""
        table.add_row(name, f"{spent:.2f}", f"{ratio:.1f}", was)
    return table


if __name__ == "__main__":
    sys.exit(main())
