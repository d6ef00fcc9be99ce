"""`python -m bench`: the whole path on Apache Kafka beside the reading limit, in one table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import memory, stages
from bench.load import Load
from bench.whole import Plan, WholePath, run
from config.build import build
from devtools.servers import LocalServerError, start_broker
from streams.runtime.clock import wall_ms

_MOST_PROFILED = 100_000
_BUSY_EVENTS_PER_CUSTOMER = 150
_BUSY_CUSTOMERS = 1_000


def main() -> int:
    """Measure what the arguments ask for."""
    arguments = _arguments()
    console = Console(stderr=True, highlight=False)
    if arguments.profile:
        found = stages.measure(min(arguments.events, _MOST_PROFILED), arguments.customers)
        _print(arguments.json, [s._asdict() for s in found.stages], _stage_table(found.stages))
        if not arguments.json:
            print(found.functions)
        return 0
    plan = Plan(arguments.events, arguments.customers, arguments.workers, arguments.seed)
    console.print("starting Apache Kafka from its jars")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder,
            start_broker("kafka", progress=console.print) as broker,
        ):
            whole = run(broker, plan, Path(folder), console.print)
    except LocalServerError as error:
        console.print(f"bench: {error}")
        return 1
    console.print("memory a customer")
    now_ms = wall_ms()
    memories = {
        "of this load": memory.measure(Load(plan.events, plan.customers, now_ms, 180_000)),
        f"of {_BUSY_EVENTS_PER_CUSTOMER} events": memory.measure(
            Load(_BUSY_CUSTOMERS * _BUSY_EVENTS_PER_CUSTOMER, _BUSY_CUSTOMERS, now_ms, 180_000)
        ),
    }
    _print(arguments.json, _facts(whole, memories), _table(whole, memories))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1, choices=range(1, 5))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument(
        "--profile", action="store_true", help="where the time goes, stage by stage, without Kafka"
    )
    return parser.parse_args()


def _facts(whole: WholePath, memories: dict[str, memory.Memory]) -> dict[str, Any]:
    reading = whole.reading
    return {
        "build": build(),
        "plan": whole.plan._asdict(),
        "reading_limit": {
            "events_per_second": round(reading.records / reading.seconds),
            "cpu_us_per_event": round(reading.cpu_seconds / reading.records * 1e6, 2),
        },
        "whole_path": {
            "seconds": round(whole.seconds, 2),
            "events_per_second": round(whole.events_per_second),
            "worker_cpu_us_per_event": round(whole.worker_us, 2),
            "broker_cpu_us_per_event": round(whole.broker_us, 2),
            "records": whole.records,
        },
        "ratios": {
            "events_per_second": round(
                whole.events_per_second * reading.seconds / reading.records, 3
            ),
            "cpu": round(whole.worker_us * reading.records / reading.cpu_seconds / 1e6, 2),
        },
        "memory": {
            "worker_idle_mib": round(whole.idle_resident_bytes / 2**20, 1),
            "worker_after_load_mib": round(whole.resident_bytes / 2**20, 1),
            "state_bytes_per_customer": round(whole.state_bytes / whole.plan.customers),
            "customers": {name: found._asdict() for name, found in memories.items()},
        },
    }


def _table(whole: WholePath, memories: dict[str, memory.Memory]) -> Table:
    reading, plan = whole.reading, whole.plan
    table = Table(
        title=f"{plan.events:,} events, {plan.customers:,} customers, "
        f"{plan.workers} worker process{'es' * (plan.workers > 1)}, {build()} build"
    )
    for name in ("", "reading limit", "whole path", "ratio"):
        table.add_column(name, justify="left" if not name else "right")
    limit = reading.records / reading.seconds
    limit_us = reading.cpu_seconds / reading.records * 1e6
    table.add_row(
        "events/s",
        f"{limit:,.0f}",
        f"{whole.events_per_second:,.0f}",
        f"{whole.events_per_second / limit:.2f}",
    )
    table.add_row(
        "CPU µs/event, client",
        f"{limit_us:.1f}",
        f"{whole.worker_us:.1f}",
        f"{whole.worker_us / limit_us:.1f}",
    )
    table.add_row("CPU µs/event, broker", "", f"{whole.broker_us:.1f}", "")
    for name, count in whole.records.items():
        table.add_row(f"records/event, {name}", "", f"{count / plan.events:.2f}", "")
    table.add_row("worker memory before, MiB", "", f"{whole.idle_resident_bytes / 2**20:.0f}", "")
    table.add_row("worker memory after, MiB", "", f"{whole.resident_bytes / 2**20:.0f}", "")
    for name, found in memories.items():
        table.add_row(f"bytes/customer {name}: packed", "", f"{found.state_bytes:,.0f}", "")
        table.add_row("… in a worker", "", f"{found.restored_bytes:,.0f}", "")
        table.add_row("… and in use", "", f"+{found.in_use_bytes:,.0f}", "")
    return table


def _stage_table(found: list[stages.Stage]) -> Table:
    table = Table(title=f"CPU µs without Kafka, each stage alone, {build()} build")
    table.add_column("stage")
    for name in ("each", "per event", "µs/event"):
        table.add_column(name, justify="right")
    for stage in found:
        table.add_row(
            stage.name, f"{stage.each_us:.2f}", f"{stage.per_event:.2f}", f"{stage.event_us:.2f}"
        )
    total_us = sum(stage.event_us for stage in found)
    table.add_row("together", "", "", f"{total_us:.2f}")
    return table


def _print(as_json: bool, facts: Any, table: Table) -> None:
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        Console(highlight=False).print(table)


if __name__ == "__main__":
    sys.exit(main())
