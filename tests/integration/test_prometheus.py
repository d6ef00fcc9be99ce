"""A real Prometheus scrapes a worker, a projector and an API, and evaluates rules and queries."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.settings import Settings
from devtools.servers import Broker, RedisServer
from devtools.servers.guardian import Workspace
from devtools.servers.ports import LOOPBACK, free_ports
from streams.kafka.topics import create_topics
from tests.harness.environment import CLI, ROOT, bare_environment
from tests.harness.prometheus import OPS, Prometheus, program, prometheus
from tests.harness.running_worker import RunningWorker
from tests.harness.view import eventually, publish, settings_for

pytestmark = pytest.mark.slow

KINDS = ("worker", "projector", "api")
CUSTOMERS = 3
QUERIES = sorted(
    {
        target["expr"].replace("$instance", ".*")
        for file in (ROOT / "ops" / "grafana" / "dashboards").glob("*.json")
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets", ())
    }
)


def test_rules_fire_when_they_should_and_only_then() -> None:
    for words in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")):
        found = subprocess.run(
            [program("promtool"), *words], cwd=OPS, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture
async def settings(
    embedded_broker: Broker, redis_server: RedisServer, topic_prefix: str
) -> Settings:
    found = settings_for(
        embedded_broker, redis_server.url, topic_prefix, session_timeout="3s", mode="replay"
    )
    await create_topics(found)
    return found


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    found = Workspace("prometheus")
    yield found
    found.close()


class Running:
    """The three processes of a deployment.

    Attributes:
        ports: where each shows its metrics, by the name of its job.
        api: a client of the API.
    """

    def __init__(self, settings: Settings, folder: Path, workspace: Workspace) -> None:
        (port,) = free_ports()
        variables = bare_environment(settings) | {"TIERSTREAM_API_PORT": str(port)}
        self.api = httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=30)
        self.processes = {
            kind: RunningWorker(kind, variables, folder, workspace, (*CLI, kind)) for kind in KINDS
        }
        self.ports = {f"tierstream-{kind}": each.port for kind, each in self.processes.items()}


@pytest.fixture
async def running(
    settings: Settings, tmp_path: Path, workspace: Workspace
) -> AsyncIterator[Running]:
    found = Running(settings, tmp_path, workspace)
    yield found
    await found.api.aclose()
    for process in found.processes.values():
        process.end()


def order(number: int) -> tuple[str, bytes]:
    customer = f"c{number % CUSTOMERS}"
    at = datetime.now(UTC) - timedelta(days=1)
    event = {
        "event_id": f"e{number}",
        "type": "order.placed",
        "customer_id": customer,
        "occurred_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "order_id": f"o{number}",
        "amount": "120.00",
        "currency": "USD",
        "payment_status": "paid",
    }
    return customer, json.dumps(event).encode()


async def number(server: Prometheus, expression: str) -> float:
    """The sum over the series of a result; not a number without any."""
    found = await server.query(expression)
    return sum(float(one["value"][1]) for one in found) if found else math.nan


async def test_every_rule_and_query_is_evaluated_on_real_processes(
    settings: Settings, running: Running, tmp_path: Path, workspace: Workspace
) -> None:
    await publish(settings, [order(n) for n in range(9)], "orders")
    started_s = time.time()
    with prometheus(running.ports, tmp_path, workspace) as server:
        await asyncio.gather(
            server.ready(), *(process.ready() for process in running.processes.values())
        )

        async def scraped() -> bool:
            customers = await number(server, "sum(tierstream_view_customers)")
            return customers == CUSTOMERS and set((await server.targets()).values()) == {"up"}

        await eventually(scraped)
        await running.api.get("/v1/figures")
        assert await server.targets() == dict.fromkeys(running.ports, "up")
        await _rules_are_evaluated(server, started_s)
        await _figures_are_those_of_the_api(server, running.api)
        empty = [query for query in QUERIES if not await server.query(query)]
        assert len(empty) < len(QUERIES) / 2, "most have something to show"
        await server.close()


async def _rules_are_evaluated(server: Prometheus, since_s: float) -> None:
    async def evaluated() -> bool:
        rules = await server.rules()
        times = [datetime.fromisoformat(rule["lastEvaluation"][:19]) for rule in rules.values()]
        return all(found.replace(tzinfo=UTC).timestamp() >= since_s for found in times)

    await eventually(evaluated)
    rules = await server.rules()
    assert len(rules) >= 13
    assert {name: rule.get("lastError", "") for name, rule in rules.items()} == dict.fromkeys(
        rules, ""
    )
    assert {rule["health"] for rule in rules.values()} == {"ok"}
    assert [name for name, rule in rules.items() if rule["state"] == "firing"] == []


async def _figures_are_those_of_the_api(server: Prometheus, api: httpx.AsyncClient) -> None:
    """What the dashboard for the business shows is what the API tells."""
    table: Any = (await api.get("/v1/figures")).json()

    async def the_same() -> bool:
        spend = await number(server, "sum(max by (tier) (tierstream_view_spend))")
        return spend == float(table["total"]["spend"])

    await eventually(the_same)
    for row in table["rows"]:
        shown = f'max(tierstream_view_customers{{tier="{row["value"]}"}})'
        assert await number(server, shown) == row["customers"]
