"""`python -m tests.simulator SEED` replays one history; `--seeds N --from SEED` runs many.

`--without SAFEGUARD --from SEED` searches for a seed that breaks a promise without a safeguard.
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console

from tests.simulator.mutations import MUTATIONS
from tests.simulator.outcome import Summary, find_killer, judged, replay_command, run_seeds

_TELL_EVERY_S = 2.0


def main() -> int:
    """Run what was asked for; 1 if a promise did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="replay this one and tell all")
    parser.add_argument("--seeds", type=int, default=2_000, help="run so many")
    parser.add_argument("--from", type=int, default=1, dest="first", help="… from this one on")
    parser.add_argument("--without", choices=sorted(MUTATIONS), help="turn a safeguard off")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    if arguments.seed is None and arguments.without is not None:
        return _search(console, arguments)
    if arguments.seed is None:
        return _run_many(console, arguments)
    if arguments.without is None:
        return _replay(console, arguments.seed)
    with MUTATIONS[arguments.without].in_force():
        return _replay(console, arguments.seed)


def _replay(console: Console, seed: int) -> int:
    world, problems = judged(seed)
    plan = world.plan
    leases = "with" if plan.leases else "without"
    console.print(
        f"seed {seed}: mode {plan.mode}, {plan.workers} workers {leases} leases, "
        f"{len(plan.load)} records, {len(plan.faults)} faults"
    )
    for at_s, who, what in world.timeline:
        console.print(f"{at_s:8.3f} s  {who:6} {what}", markup=False)
    for problem in problems:
        console.print(f"VIOLATION: {problem}", markup=False)
    console.print("all promises held" if not problems else f"{len(problems)} violations")
    return 1 if problems else 0


def _search(console: Console, arguments: argparse.Namespace) -> int:
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    found = find_killer(seeds, arguments.without)
    if found is None:
        console.print(f"none of {len(seeds):,} seeds breaks a promise without that")
        return 1
    console.print(f"killed_by={found}; all about it: {replay_command(found, arguments.without)}")
    return 0


def _run_many(console: Console, arguments: argparse.Namespace) -> int:
    summary, began_s = Summary(), time.monotonic()
    told_s = began_s
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    for outcome in run_seeds(seeds):
        summary.add(outcome)
        if outcome.problems:
            console.print(f"seed {outcome.seed}: {outcome.problems[0]}", markup=False)
            console.print(f"    {replay_command(outcome.seed)}", markup=False)
        if time.monotonic() - told_s > _TELL_EVERY_S:
            told_s = time.monotonic()
            console.print(f"{summary.seeds:,} of {len(seeds):,} seeds")
    rate = 60 * summary.seeds / (time.monotonic() - began_s)
    console.print(f"{summary.seeds:,} seeds, {rate:,.0f} a minute; {summary}", markup=False)
    console.print(f"{len(summary.failures)} of them broke a promise")
    return 1 if summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())
