"""`tierstream erase` as people run it: what it does, what it sees, what it says when it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from cli.erase.redis_check import check_view
from config.settings import Settings
from devtools.servers import Broker, RedisServer
from devtools.servers.ports import free_ports
from handlers.outputs import CUSTOMER_PROFILES
from scoring.timestamps import parse_rfc3339, rfc3339
from streams.kafka.topics import CLOCK_PROBE, all_topics, changelog_name
from tests.builders import day, edited, merged, order
from tests.harness.controls import Controls
from tests.harness.deployment import Deployment, Message
from tests.harness.environment import CLI, ROOT
from tests.harness.view import reader_of, redis_of
from tests.integration.erasing import PROJECTOR

STEPS = ["request", "log", "state", "profile", "view"]


@pytest.fixture(scope="module")
def deployment(
    embedded_broker: Broker, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """One in live mode with a worker and a projector; each test has customers of its own."""
    settings: dict[str, Any] = {
        "mode": "live",
        "redis_url": redis_server.url,
        "redis_key_prefix": "{erase}:",
    }
    folder = tmp_path_factory.mktemp("erase")
    with Deployment(embedded_broker, folder, **settings) as deployment:

        async def begin() -> None:
            await deployment.create_topics()
            await deployment.ready_worker()
            await deployment.ready_worker(program=PROJECTOR)

        asyncio.run(begin())
        yield deployment


def erase_ten_minutes_ahead(
    deployment: Deployment, customer_id: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run the command with a clock that is wrong."""
    controls = Controls(folder / "controls")
    controls.offset_ms = 600_000
    return subprocess.run(
        [sys.executable, "-m", "tests.harness.launcher", "erase", customer_id, "--yes"],
        cwd=ROOT,
        env=deployment.environment(test_controls=controls.file),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def answered(deployment: Deployment, customer_id: str, answer: bytes) -> tuple[int, str]:
    """The exit code, and what is said, where somebody sits at a terminal and answers."""
    ours, theirs = os.openpty()
    os.write(ours, answer)
    done = subprocess.run(
        [*CLI, "erase", customer_id, "--no-wait"],
        cwd=ROOT,
        env=deployment.environment(),
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    return done.returncode, done.stdout


async def ordered(deployment: Deployment, customer_id: str) -> None:
    """Somebody orders something."""
    at = rfc3339(time.time_ns() // 1_000_000)
    await deployment.send([Message("orders", order(f"of {customer_id}", "120", at, customer_id))])
    await deployment.drained()


async def letters(deployment: Deployment, customer_id: str) -> list[ConsumerRecord]:
    """The dead letters of events of somebody, by their ids, which begin with the name."""
    return [
        letter
        for part in await deployment.read("dead-letters")
        for letter in part
        if dict(letter.headers)["event-id"].decode().startswith(customer_id)
    ]


def late(customer_id: str) -> Message:
    """An order that comes too late."""
    at = rfc3339(time.time_ns() // 1_000_000)
    line = order("late", "120", at, customer_id)
    return Message("orders", edited(line, event_id=f"{customer_id} late"))


def erase(deployment: Deployment, *arguments: str, **settings: Any) -> dict[str, Any]:
    done = deployment.run("erase", *arguments, "--yes", "--json", **settings)
    assert done.returncode == 0, done.stderr
    receipt: dict[str, Any] = json.loads(done.stdout)
    return receipt


def outcomes(receipt: dict[str, Any]) -> dict[str, str]:
    return {step["where"]: step["outcome"] for step in receipt["steps"]}


@pytest.mark.slow
async def test_a_person_is_erased_and_each_place_was_looked_at(deployment: Deployment) -> None:
    await ordered(deployment, "ana")
    receipt = erase(deployment, "ana", "--count")
    assert (receipt["known"], receipt["complete"]) == ("known", True)
    assert outcomes(receipt) == dict.fromkeys(STEPS, "done")
    places = {step["where"]: step["at"] for step in receipt["steps"]}
    assert places["request"].startswith(deployment.topic("profiles/"))
    assert places["log"].startswith(deployment.topic("customer-events/"))
    assert places["state"].startswith(changelog_name(deployment.settings))
    assert places["profile"].startswith(deployment.topic(CUSTOMER_PROFILES))
    remains = {one["topic"]: one for one in receipt["remains"]}
    ours = {topic.name for topic in all_topics(deployment.settings)}
    assert remains.keys() == ours - {deployment.topic(CLOCK_PROBE)}
    assert remains[deployment.topic("orders")]["gone_by"] is None
    assert parse_rfc3339(remains[deployment.topic(CUSTOMER_PROFILES)]["gone_by"])
    counts = {topic: one["count"]["records"] for topic, one in remains.items()}
    assert all(one["count"]["complete"] for one in remains.values())
    assert counts[deployment.topic("orders")] == 1
    assert counts[deployment.topic("browse")] == 0
    assert counts[deployment.topic("customer-events")] == 2
    assert counts[deployment.topic(CUSTOMER_PROFILES)] == 2


@pytest.mark.slow
async def test_what_is_told_later_is_refused_and_keeps_nothing(deployment: Deployment) -> None:
    await ordered(deployment, "bea")
    erase(deployment, "bea")
    await deployment.send([late("bea")])
    await deployment.drained()
    [letter] = await letters(deployment, "bea")
    assert letter.value is None
    assert dict(letter.headers)["reason"] == b"erased_customer"
    assert deployment.run("explain", "bea").stdout.startswith("customer 'bea' was erased")
    async with redis_of(deployment.settings) as redis:
        assert await reader_of(redis, deployment.settings).customer("bea") is None


@pytest.mark.slow
async def test_who_was_merged_is_erased_under_the_surviving_id(deployment: Deployment) -> None:
    for name in ("ida", "joe", "kim"):
        await ordered(deployment, name)
    at = rfc3339(time.time_ns() // 1_000_000)
    await deployment.send([Message("profiles", merged("joe", at, "ida"))])
    await deployment.drained()
    await deployment.send([Message("profiles", merged("kim", at, "joe"))])
    await deployment.drained()
    receipt = erase(deployment, "ida", "--count")
    assert (receipt["known"], receipt["complete"]) == ("known", True)
    assert (receipt["customer_id"], receipt["erased_id"]) == ("ida", "kim")
    assert sorted(receipt["also_known_as"]) == ["ida", "joe"]
    assert [step["where"] for step in receipt["steps"]] == ["request", "merge", "merge", *STEPS[1:]]
    counts = {one["topic"]: one["count"]["records"] for one in receipt["remains"]}
    assert counts[deployment.topic("orders")] == 3
    for name in ("ida", "joe", "kim"):
        await deployment.send([late(name)])
        await deployment.drained()
        assert [letter.value for letter in await letters(deployment, name)] == [None]
        assert erase(deployment, name)["known"] == "erased_before"


async def test_somebody_nobody_knows_is_erased_for_what_comes_later(
    deployment: Deployment,
) -> None:
    receipt = erase(deployment, "Zoë/ 100%")
    assert (receipt["known"], receipt["complete"]) == ("unknown", True)
    await deployment.send([late("Zoë/ 100%")])
    await deployment.drained()
    [letter] = await letters(deployment, "Zoë/ 100%")
    assert letter.value is None


@pytest.mark.slow
def test_to_erase_again_does_no_harm_and_says_so(deployment: Deployment) -> None:
    erase(deployment, "cai")
    again = deployment.run("erase", "cai", "--yes")
    assert again.returncode == 0
    assert "the customer had been erased before; nothing changed" in again.stdout


async def test_without_a_terminal_nothing_is_done_unless_it_is_asked_for(
    deployment: Deployment,
) -> None:
    await ordered(deployment, "dee")
    refused = deployment.run("erase", "dee")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        "tierstream: nothing was done: to erase customer 'dee' without being asked, add --yes\n"
    )
    assert deployment.run("explain", "dee").stdout.startswith("dee: tier")


@pytest.mark.slow
def test_at_a_terminal_it_asks_and_takes_only_a_yes(deployment: Deployment) -> None:
    no, said = answered(deployment, "lea", b"n\n")
    assert (no, "Erase customer 'lea'? Nothing brings the customer back" in said) == (1, True)
    requests = [one for part in asyncio.run(deployment.read("profiles")) for one in part]
    assert not any(one.key == b"lea" for one in requests)
    yes, _ = answered(deployment, "lea", b"y\n")
    assert yes == 0
    assert erase(deployment, "lea")["known"] == "erased_before"


@pytest.mark.slow
def test_no_wait_writes_and_looks_at_nothing(deployment: Deployment) -> None:
    receipt = erase(deployment, "eli", "--no-wait")
    assert outcomes(receipt) == dict.fromkeys(STEPS, "not_looked") | {"request": "done"}
    assert (receipt["known"], receipt["complete"]) == (None, False)
    assert erase(deployment, "eli")["known"] == "erased_before"


def test_a_redis_that_is_set_and_away_is_told_and_a_failure(deployment: Deployment) -> None:
    (port,) = free_ports()
    away = deployment.run("erase", "fay", "--yes", redis_url=f"redis://127.0.0.1:{port}/0")
    assert away.returncode == 1
    assert f"Redis at 127.0.0.1:{port} does not answer" in away.stdout
    assert "not seen everywhere: Redis; run the command again" in away.stderr
    assert "Traceback" not in away.stderr


@pytest.mark.slow
async def test_a_clock_far_ahead_has_the_erasure_refused_which_is_told_and_a_failure(
    deployment: Deployment, tmp_path: Path
) -> None:
    await ordered(deployment, "gus")
    refused = erase_ten_minutes_ahead(deployment, "gus", tmp_path)
    assert refused.returncode == 1
    assert "customer 'gus' is not erased: the event became a dead letter, from_the_future" in (
        refused.stderr
    )
    assert deployment.run("explain", "gus").stdout.startswith("gus: tier")


async def test_a_redis_that_nobody_set_and_that_is_away_lacks_nothing() -> None:
    (port,) = free_ports()
    settings = Settings().model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"})
    settings.model_fields_set.discard("redis_url")
    step = await check_view(settings, ["ana"], None, wait_s=5)
    assert step.outcome == "not_looked"
    assert "REDIS_URL is not set" in step.text


@pytest.mark.slow
async def test_where_no_worker_runs_the_erasure_is_written_and_a_failure(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(embedded_broker, tmp_path) as deployment:
        await deployment.create_topics()
        waiting = deployment.run("erase", "ana", "--yes", "--within", "1")
        assert waiting.returncode == 1
        assert "not in the log yet; does a worker run?" in waiting.stdout
        assert "is written and will be done, but was not seen everywhere" in waiting.stderr

        await deployment.ready_worker()
        assert erase(deployment, "ana", "--within", "20")["known"] == "erased_before"


@pytest.mark.slow
async def test_in_a_replay_an_erasure_does_not_move_the_clock(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(embedded_broker, tmp_path, mode="replay", partitions=1) as deployment:
        await deployment.create_topics()
        await deployment.ready_worker()
        await deployment.send(
            [
                Message("orders", order("A1", "120", day(0))),
                Message("orders", order("B1", "120", day(1), "ben")),
            ]
        )
        await deployment.drained()
        receipt = erase(deployment, "ana")
        assert receipt["occurred_at"] == day(1)
        assert [len(part) for part in await deployment.read("dormancy-alerts")] == [0]
