"""`python -m bench.growth`: how cost grows with customers, with workers and with a burst.

Each number of customers is measured in a process of its own, without Kafka; two workers and a burst
on Apache Kafka. `--write` brings what was measured into `docs/performance.md`; the rows of sizes
that were not measured stay.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.growth import burst, report
from bench.growth.customers import known, write_known
from bench.growth.size import Size
from bench.guard.inputs import END_MS
from bench.whole import Plan, WholePath, run
from devtools.servers import LocalServerError, start_broker

_PARTS = ("sizes", "workers", "burst")
_BYTES_PER_CUSTOMER = 3_000
_LEAST_FREE_BYTES = 2 * 2**30


def main() -> int:
    """Measure what the arguments ask for, and print it."""
    arguments = _arguments()
    console = Console(stderr=True, highlight=False)
    parts: dict[str, str] = {}
    try:
        if "sizes" in arguments.parts:
            parts["sizes"] = report.sizes_table(_sizes(arguments.customers, console.print))
        if "workers" in arguments.parts:
            parts["workers"] = report.workers_table(*_workers(arguments, console.print))
        if "burst" in arguments.parts:
            with start_broker("kafka", progress=console.print) as broker:
                found = burst.run(broker, arguments.rate, arguments.seconds, console.print)
            parts["burst"] = report.burst_table(found)
    except LocalServerError as error:
        console.print(f"bench: {error}")
        return 1
    print("\n\n".join(parts.values()))
    if arguments.write:
        report.write(parts)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--parts", default=list(_PARTS), type=_listed, help=", ".join(_PARTS))
    parser.add_argument(
        "--customers",
        default=[10_000, 100_000, 1_000_000, 3_000_000],
        type=lambda text: [int(number) for number in text.split(",")],
        help="sizes, with commas between",
    )
    parser.add_argument("--events", type=int, default=150_000, help="for one worker and for two")
    parser.add_argument("--rate", type=int, default=300, help="events/s before the burst")
    parser.add_argument("--seconds", type=float, default=20, help="of the burst")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


def _listed(text: str) -> list[str]:
    parts = text.split(",")
    if not set(parts) <= set(_PARTS):
        raise argparse.ArgumentTypeError(f"the parts are {', '.join(_PARTS)}")
    return parts


def _sizes(sizes: list[int], tell: Callable[[str], None]) -> list[Size]:
    """Each size in a process of its own; one that does not fit into memory is left out."""
    tell("histories of ten orders")
    found = []
    with tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder:
        file = Path(folder) / "histories"
        write_known(known(END_MS), file)
        for customers in sizes:
            needed = customers * _BYTES_PER_CUSTOMER + _LEAST_FREE_BYTES
            if needed > _available_bytes():
                tell(f"{customers:,} customers are left out: {needed / 2**30:.0f} GiB are not free")
                continue
            command = [sys.executable, "-m", "bench.growth.size", str(customers), str(file)]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            found.append(Size(**json.loads(told)))
    return found


def _available_bytes() -> int:
    """Memory that processes could still get."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    raise ValueError("/proc/meminfo has no MemAvailable")


def _workers(
    arguments: argparse.Namespace, tell: Callable[[str], None]
) -> tuple[WholePath, WholePath]:
    """The whole path by one worker and by two, each on a broker of its own."""
    found = []
    for workers in (1, 2):
        plan = Plan(arguments.events, 20_000, workers, 1)
        with (
            tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder,
            start_broker("kafka", progress=tell) as broker,
        ):
            found.append(run(broker, plan, Path(folder), tell))
    return found[0], found[1]


if __name__ == "__main__":
    sys.exit(main())
