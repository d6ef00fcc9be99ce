"""`tierstream dead-letters list` and `replay` against a broker and a running worker."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tomllib
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from aiokafka import TopicPartition

from devtools.servers import Broker
from devtools.servers.ports import LOOPBACK, free_ports
from tests.builders import order
from tests.fault.bad_records import ERASED, KNOWN, groundwork
from tests.harness.deployment import EXAMPLE, Deployment, Message
from tests.harness.environment import CLI, ROOT
from tests.harness.running_worker import RunningWorker
from tests.integration.audit import data_of

_LIVE: dict[str, Any] = {"mode": "live", "tick_interval": "1m"}
_PLACED_MS = 1_735_732_800_000


def placed(event_id: str, customer_id: str, **fields: Any) -> Message:
    """An order of 2025-01-01, on the only partition that is used here."""
    order_id, at = f"order-of-{event_id}", "2025-01-01T12:00:00Z"
    told = {"event_id": event_id, "amount": "12.50", **fields}
    value = order(order_id, told.pop("amount"), at, customer_id, **told)
    return Message("orders", value, b"upstream", 1, _PLACED_MS)


def in_binary_mode(event_id: str, customer_id: str) -> Message:
    """An order in euros as a CloudEvent whose attributes are headers."""
    attributes = {"specversion": "1.0", "id": event_id, "type": "order.placed", "source": "/shop"}
    attributes |= {"subject": customer_id, "time": "2025-01-01T12:00:00Z"}
    headers = tuple((f"ce_{name}", value.encode()) for name, value in attributes.items())
    data = {"order_id": f"order-of-{event_id}", "amount": "12.50", "currency": "EUR"}
    return Message("orders", json.dumps(data).encode(), b"upstream", 1, _PLACED_MS, headers)


BAD = [
    placed("euro-1", "eve", currency="EUR"),
    in_binary_mode("euro-2", "ida"),
    placed("zloty", "eve", currency="PLN"),
    placed("known", KNOWN, amount="99.00"),
    placed("too-late", ERASED),
    Message("browse", b"not json", None, 1),
]


def replay(deployment: Deployment, *options: str) -> list[str]:
    """What a replay says."""
    return said(deployment.run("dead-letters", "replay", *options))


def said(ended: CompletedProcess[str]) -> list[str]:
    assert (ended.returncode, ended.stderr) == (0, "")
    return [" ".join(line.split()) for line in ended.stdout.splitlines()]


async def in_topics(deployment: Deployment) -> dict[str, list[Any]]:
    """Everything that a replay could change, and how much of it there is."""
    names = ("orders", "browse", "dead-letters", "tier-changes", "customer-profiles")
    return {
        name: [(r.key, r.value, r.headers) for part in await deployment.read(name) for r in part]
        for name in names
    }


def slow_replay(deployment: Deployment) -> subprocess.Popen[bytes]:
    """A replay that takes a while, as a process of its own."""
    command = [*CLI, "dead-letters", "replay", "--rate", "100"]
    environment = deployment.environment()
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


async def marks(deployment: Deployment) -> list[bytes]:
    """What the records of orders say they are replays of."""
    records = [record for part in await deployment.read("orders") for record in part]
    return [
        value for record in records for name, value in record.headers if name == "replayed-from"
    ]


async def replays_done(deployment: Deployment) -> None:
    """Wait until the worker has done what replays added to partition 1 of orders."""
    end = (await deployment.read("orders"))[1][-1].offset + 1
    await deployment._committed({TopicPartition(deployment.topic("orders"), 1): end})
    await deployment.drained()


async def with_letters(deployment: Deployment) -> RunningWorker:
    """A worker that refused each of `BAD`, and a policy since then with a rate for euros."""
    await deployment.create_topics()
    worker = await deployment.ready_worker()
    await deployment.send([Message(topic, value, None, 0) for topic, value in groundwork()])
    await deployment.drained()
    await deployment.send(BAD)
    await deployment.drained()
    assert worker.value("events_total", outcome="dead_letter") == len(BAD)
    return worker


def publish_rate(deployment: Deployment) -> None:
    text = (EXAMPLE / "policy.toml").read_text()
    file = deployment.folder / "with-euros.toml"
    file.write_text(text.replace('# EUR = "1.08"', 'EUR = "1.08"'))
    assert tomllib.loads(file.read_text())["currency_rates"] == {"EUR": "1.08"}
    assert deployment.run("policy", "publish", str(file)).returncode == 0


@pytest.mark.slow
async def test_what_a_new_policy_makes_acceptable_is_accepted_when_replayed_and_only_once(
    broker: Broker, tmp_path: Path
) -> None:
    with Deployment(broker, tmp_path, **_LIVE) as deployment:
        worker = await with_letters(deployment)
        kept = [
            "1 would be refused again: unknown_currency",
            "1 conflicts (--reason conflict sends them)",
            "1 without payload (erased customers)",
            "1 would be refused again: not_json",
        ]
        before = await in_topics(deployment)
        first = replay(deployment)
        assert first[0] == "0 dead letters sent again"
        assert "3 would be refused again: unknown_currency" in first
        assert await in_topics(deployment) == before

        publish_rate(deployment)
        await deployment.drained()
        topic = deployment.topic("orders")
        dry = replay(deployment, "--dry-run")
        assert dry[:2] == ["2 dead letters would be sent again", f"2 {topic}"]
        assert sorted(dry[3:]) == sorted(kept)
        assert (await in_topics(deployment))["orders"] == before["orders"]

        accepted = worker.value("events_total", outcome="accepted")
        assert replay(deployment, "--limit", "1")[0] == "1 dead letters sent again"
        assert replay(deployment, "--rate", "50")[:2] == ["1 dead letters sent again", f"1 {topic}"]
        await replays_done(deployment)
        assert worker.value("events_total", outcome="accepted") == accepted + 2
        assert worker.value("events_total", outcome="dead_letter") == len(BAD)

        sent = [record for record in (await deployment.read("orders"))[1] if record.headers][-2:]
        for record, original in zip(sent, BAD, strict=False):
            assert (record.key, record.value) == (original.key, original.value)
            assert record.timestamp == original.timestamp_ms
            assert record.headers[:-1] == original.headers
        marks = [dict(record.headers)["replayed-from"] for record in sent]
        assert marks == [b"1/0", b"1/1"]
        changes = [r for part in await deployment.read("tier-changes") for r in part]
        assert {"eve", "ida"} <= {data_of(record.value)["customer_id"] for record in changes}

        after = await in_topics(deployment)
        again = replay(deployment)
        assert again[0] == "0 dead letters sent again"
        assert "2 were replayed before, or stand here twice" in again
        assert await in_topics(deployment) == after
        assert worker.stop() == 0


@pytest.mark.slow
async def test_a_replay_that_is_refused_again_is_left_alone_from_then_on(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(embedded_broker, tmp_path, **_LIVE) as deployment:
        worker = await with_letters(deployment)
        conflicts = ("--reason", "conflict")
        assert replay(deployment, *conflicts)[0] == "1 dead letters sent again"
        await replays_done(deployment)
        assert worker.value("dead_letters_total", reason="conflict") == 2

        after = await in_topics(deployment)
        assert replay(deployment, *conflicts) == [
            "0 dead letters sent again",
            "2 not sent",
            "1 refused again when they were replayed (--again sends them)",
            "1 were replayed before, or stand here twice",
        ]
        assert await in_topics(deployment) == after

        asked = replay(deployment, *conflicts, "--again")
        assert asked[0] == "1 dead letters sent again", "the newest of its kind, and no other"
        await replays_done(deployment)
        assert worker.value("dead_letters_total", reason="conflict") == 3
        assert worker.stop() == 0


@pytest.mark.slow
async def test_a_replay_that_is_killed_is_run_again_and_sends_the_rest(
    broker: Broker, tmp_path: Path
) -> None:
    count = 400
    settings: dict[str, Any] = _LIVE | {"breaker_in_a_row": 0, "breaker_share": 0}
    with Deployment(broker, tmp_path, **settings) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        await deployment.send([placed(f"e{n}", f"c{n}", currency="EUR") for n in range(count)])
        await deployment.drained()
        assert worker.value("dead_letters_total", reason="unknown_currency") == count
        publish_rate(deployment)
        await deployment.drained()

        with slow_replay(deployment) as running:
            try:
                while len(await marks(deployment)) < count // 8:
                    assert running.poll() is None, "it has ended before it could be killed"
                    await asyncio.sleep(0.1)
            finally:
                running.kill()
        sent = len(await marks(deployment))
        assert count // 8 <= sent < count

        said_then = replay(deployment)
        assert said_then[0] == f"{count - sent} dead letters sent again"
        assert f"{sent} were replayed before, or stand here twice" in said_then
        assert replay(deployment)[0] == "0 dead letters sent again"
        found = await marks(deployment)
        assert sorted(found) == sorted(f"1/{n}".encode() for n in range(count)), "each once"
        await replays_done(deployment)
        assert worker.value("events_total", outcome="accepted") == count
        assert worker.value("events_total", outcome="duplicate") == 0
        assert worker.stop() == 0


@pytest.mark.slow
async def test_letters_are_listed_by_what_is_asked_for_and_counted_by_reason(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(embedded_broker, tmp_path, **_LIVE) as deployment:
        worker = await with_letters(deployment)
        assert worker.stop() == 0
        ended = deployment.run("dead-letters", "list")
        listed = said(ended)
        assert len(listed) == len(BAD) + 1 + 4
        assert listed[len(BAD)] == f"{len(BAD)} dead letters"
        assert "3 unknown_currency" in listed[len(BAD) + 1 :]
        assert "12.50" not in ended.stdout, "nobody asked for payloads"
        assert "12.50" in deployment.run("dead-letters", "list", "--payload").stdout

        asked = ("--reason", "unknown_currency", "--source-topic", "orders", "--key", "upstream")
        found = deployment.run("dead-letters", "list", *asked, "--json", "--limit", "2")
        assert found.returncode == 0
        told = [json.loads(line) for line in found.stdout.splitlines()]
        assert {one["event_id"] for one in told} <= {"euro-1", "euro-2", "zloty"}
        assert len(told) == 2
        assert "3 dead letters, 2 of them shown" in found.stderr
        past = deployment.run("dead-letters", "list", "--until", "2020-01-01T00:00:00Z")
        assert said(past) == ["0 dead letters"]


@pytest.mark.slow
async def test_what_users_can_mend_is_said_in_one_sentence(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(embedded_broker, tmp_path) as deployment:
        name = deployment.topic("dead-letters")
        (port,) = free_ports()
        nobody = {"kafka_bootstrap_servers": f"{LOOPBACK}:{port}", "startup_timeout": "1s"}
        for command, options, others, expected in (
            ("list", (), {}, f"{name}, "),
            ("replay", (), {}, "missing, run 'tierstream topics create'"),
            ("replay", (), nobody, f"no Kafka broker answers at {LOOPBACK}:{port}"),
            ("list", ("--reason", "ugly"), {}, "--reason ugly: no such reason, they are too_large"),
            ("replay", ("--source-topic", "tier-changes"), {}, "tier-changes: no input topic"),
            ("replay", ("--since", "yesterday"), {}, "--since yesterday: no RFC 3339 time"),
        ):
            ended = deployment.run("dead-letters", command, *options, **others)
            assert (ended.returncode, ended.stdout) == (1, "")
            (line,) = ended.stderr.splitlines()
            assert line.startswith("tierstream: ")
            assert expected in line
