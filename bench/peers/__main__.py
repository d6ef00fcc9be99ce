"""`python -m bench.peers`: Tierstream beside other stream processors on Apache Kafka.

Every contender reads the same topics, in turns; `bench/peers/README.md` says what it must do. With
all contenders the results go to `bench/results.json`, and from there into the documents. What is
measured is kept after each run: `--resume` goes on where a measurement broke off.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.peers.environments import EnvironmentFailed
from bench.peers.journal import CannotResume, Journal, Measured
from bench.peers.registry import PEERS
from bench.peers.report import full_table, write_documents
from bench.peers.results import READ_LIMIT, TIERSTREAM, Facts
from bench.peers.run import Ground
from bench.peers.session import Plan, Session, conditions_of
from devtools.servers import LocalServerError, start_broker

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "bench" / "results.json"
CHART = _ROOT / "docs" / "img" / "side-by-side.png"
_DISK_BYTES_PER_EVENT = 4_096  # topics of the data set, and at worst of two contenders
_KNOWN = (TIERSTREAM, READ_LIMIT, *(peer.name for peer in PEERS))


def main() -> int:
    """Measure what the arguments ask for."""
    arguments = _arguments()
    console = Console(stderr=True, highlight=False)
    if arguments.report:
        _report(json.loads(RESULTS.read_text()))
        return 0
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)  # what was measured by then is kept
    try:
        results, is_complete = _measure(_plan(arguments), console, resume=arguments.resume)
    except (LocalServerError, EnvironmentFailed, CannotResume, DiskTooSmall) as error:
        console.print(f"bench: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    is_whole = is_complete and set(arguments.peers) == set(_KNOWN)
    out = arguments.out or (RESULTS if is_whole else None)
    if out is not None:
        out.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    if out == RESULTS:
        _report(results)
    if results["summary"]:
        print(full_table(results))
    return 1 if results["failures"] or not is_complete else 0


class DiskTooSmall(RuntimeError):
    """The folder for temporary files has too little room; the message says how much is needed."""


def _measure(plan: Plan, console: Console, *, resume: bool) -> tuple[Facts, bool]:
    """The results, and whether the measurement came to its end."""
    for peer in plan.peers:
        peer.command(console.print)  # what must be installed is, before anything is measured
    conditions, journal = conditions_of(plan), Journal()
    measured = journal.resume(conditions) if resume else Measured.new(conditions)
    with tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder:
        _check_disk(Path(folder), plan.events)
        with start_broker("kafka", progress=console.print) as broker:
            ground = Ground(broker, Path(folder), console.print)
            session = Session(ground, plan, measured, journal)
            return session.measure(), session.is_complete


def _check_disk(folder: Path, events: int) -> None:
    needed, free = events * _DISK_BYTES_PER_EVENT, shutil.disk_usage(folder).free
    if free < needed:
        raise DiskTooSmall(
            f"{events:,} events may need {needed / 2**30:.0f} GiB in {folder.parent}, which has"
            f" {free / 2**30:.0f} GiB; set TMPDIR to another folder, or choose fewer --events"
        )


def _report(results: Facts) -> None:
    """The chart and the tables of these results."""
    from bench.peers.chart import draw

    draw(results, CHART)
    write_documents(results, _ROOT)


def _plan(arguments: argparse.Namespace) -> Plan:
    return Plan(
        arguments.events,
        arguments.customers,
        arguments.small_events,
        arguments.repeats,
        arguments.peers,
        [peer for peer in PEERS if peer.name in arguments.peers],
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--events", type=_count, default=3_000_000)
    parser.add_argument("--customers", type=_count, default=200_000)
    parser.add_argument(
        "--small-events",
        type=_count,
        default=60_000,
        help="of the data set for peers too slow for the whole, and for the kills",
    )
    parser.add_argument("--repeats", type=_count, default=3)
    parser.add_argument(
        "--peers",
        type=_names,
        default=_KNOWN,
        help=f"some of them, separated by commas: {', '.join(_KNOWN)}",
    )
    parser.add_argument(
        "--out", type=Path, help=f"where the results go; with all peers {RESULTS.name} by default"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the measurement that broke off last"
    )
    parser.add_argument(
        "--report", action="store_true", help="measure nothing, write the documents anew"
    )
    return parser.parse_args()


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return count


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in _KNOWN:
            raise argparse.ArgumentTypeError(f"there is no {name}, only {', '.join(_KNOWN)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
