"""`python -m tests.side_by_side`: Tierstream and plain Faust under the same orders and faults."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path

from devtools.servers import LocalServerError
from tests.side_by_side.course import WORKERS, Load, Outcome, run
from tests.side_by_side.orders import make_orders
from tests.side_by_side.report import markdown
from tests.side_by_side.timetable import KINDS, ROUND, timetable

_CONTENDERS = ("faust", "faust-tuned", "tierstream")
_HOUR_MS = 3_600_000
_log = logging.getLogger("side-by-side")


def main() -> int:
    """Run the contenders one after another, and print the table; 1 if Tierstream got any wrong."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    plan = timetable(arguments.seed, arguments.rounds, WORKERS, arguments.kinds)
    load = Load()
    began_ms = time.time_ns() // 1_000_000 - _HOUR_MS
    orders = make_orders(arguments.seed, load.total(plan.bursts), began_ms)
    outcomes: list[Outcome] = []
    try:
        for name in arguments.contenders:
            _log.info("%s: %s orders, %s faults", name, len(orders), len(plan.faults))
            outcomes.append(run(name, orders, plan, load))
            _log.info("%s", json.dumps(outcomes[-1]._asdict()))
    except LocalServerError as error:
        _log.critical("side by side: %s", error)
        return 2
    table = markdown(outcomes)
    if arguments.out is not None:
        arguments.out.write_text(table, encoding="utf-8")
    sys.stdout.write(table)
    kept = [o.counts.is_clean for o in outcomes if o.name == "Tierstream"]
    return 0 if all(kept) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.side_by_side", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the orders and of the faults")
    parser.add_argument("--rounds", type=int, default=2, help="how often all faults come")
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=ROUND, help="the faults of a round"
    )
    parser.add_argument("--out", type=Path, help="a file for the table")
    parser.add_argument(
        "--contenders", nargs="+", choices=_CONTENDERS, default=_CONTENDERS, metavar="NAME"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
