"""Sending into real topics: everything arrives, in order, under its customer, at its time."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from config.settings import Settings
from devtools.servers import Broker
from devtools.traffic.cdnow import purchase_rows
from devtools.traffic.enrich import TrafficShape, enriched
from devtools.traffic.record import TrafficRecord
from devtools.traffic.sender import Sent, open_sender
from devtools.traffic.simulation import simulate
from streams.kafka.clients import new_consumer
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import INPUT_TOPICS, TopicsUnusable, create_topics, topic_name

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 3
START_MS = 1_735_689_600_000

Arrived = dict[tuple[str, int], list[tuple[int, bytes | None, bytes]]]


@pytest.fixture
def settings(broker: Broker, topic_prefix: str) -> Settings:
    return Settings(
        kafka_bootstrap_servers=broker.bootstrap_servers,
        producer_idempotence=broker.idempotence,
        topic_prefix=topic_prefix,
        app_id=topic_prefix.rstrip("."),
        partitions=PARTITIONS,
    )


async def arrived(settings: Settings, count: int) -> Arrived:
    """The first `count` records of the input topics, by topic and partition."""
    consumer = new_consumer(settings)
    await consumer.start()
    found: Arrived = defaultdict(list)
    try:
        tps = {
            TopicPartition(topic_name(settings, name), number): (name, number)
            for name in INPUT_TOPICS
            for number in range(PARTITIONS)
        }
        consumer.assign(list(tps))
        await consumer.seek_to_beginning()
        async with asyncio.timeout(30):
            while sum(map(len, found.values())) < count:
                fetched = await consumer.getmany(timeout_ms=200)
                for tp, records in fetched.items():
                    found[tps[tp]] += [(r.timestamp, r.key, r.value) for r in records]
    finally:
        await consumer.stop()
    return found


def expected(records: Iterable[TrafficRecord]) -> Arrived:
    found: Arrived = defaultdict(list)
    for at_ms, topic, key, value in records:
        number = partition_of(key, PARTITIONS) if key else 0
        found[topic, number].append((at_ms, key, value))
    return found


async def test_every_record_arrives_once_in_order_with_its_key_and_time(
    settings: Settings,
) -> None:
    await create_topics(settings)
    shape = TrafficShape(bad_records=True, bad_share=0.01, duplicate_share=0.01, late_share=0.01)
    records = list(enriched(purchase_rows()[:4_000], shape))
    told: list[Sent] = []
    async with open_sender(settings, on_progress=told.append) as sender:
        await sender.send(records)
        sent = sender.sent
    assert await arrived(settings, len(records)) == expected(records)
    assert sent.total == len(records)
    assert sum(sent.by_topic.values()) == len(records)
    totals = [progress.total for progress in told]
    assert totals == sorted(totals)
    assert totals[-1] == len(records)


async def test_at_a_rate_records_leave_no_faster_than_that(settings: Settings) -> None:
    await create_topics(settings)
    async with open_sender(settings, per_second=400) as sender:
        await sender.send(islice(simulate(START_MS), 300))
        assert sender.sent.seconds > 0.6
    assert sum(map(len, (await arrived(settings, 300)).values())) == 300


async def test_records_are_asked_for_only_when_they_may_be_sent(settings: Settings) -> None:
    await create_topics(settings)
    asked: list[int] = []

    def stamp(_at_ms: int, number: int) -> int:
        asked.append(number)
        return START_MS

    async with open_sender(settings, per_second=100) as sender:
        work = asyncio.ensure_future(sender.send(simulate(START_MS, stamp=stamp)))
        await asyncio.sleep(0.5)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert 0 < len(asked) <= 80


async def test_missing_topics_are_named_and_not_made(settings: Settings) -> None:
    for _ in range(2):
        with pytest.raises(TopicsUnusable, match=f"has no topic {settings.topic_prefix}orders, "):
            async with open_sender(settings):
                pytest.fail("there is nothing to send to")


def replay(*arguments: str) -> list[str]:
    """A command line."""
    script = "import typer; from cli.replay import replay; typer.run(replay)"
    return [sys.executable, "-c", script, *arguments]


def environment(settings: Settings) -> dict[str, str]:
    given = {
        "kafka_bootstrap_servers": settings.kafka_bootstrap_servers,
        "producer_idempotence": str(settings.producer_idempotence),
        "topic_prefix": settings.topic_prefix,
        "app_id": settings.app_id,
    }
    return {f"TIERSTREAM_{name.upper()}": value for name, value in given.items()}


async def ended(command: list[str], settings: Settings) -> subprocess.CompletedProcess[str]:
    """What a command did when it has come to its end."""
    return await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_replay_sends_every_line_of_a_file_the_broken_ones_too(
    settings: Settings, tmp_path: Path
) -> None:
    await create_topics(settings)
    good = [record.value for record in islice(simulate(START_MS), 500)]
    lines = [*good[:250], b"not json", b"", b'{"type":"order.placed"', *good[250:]]
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(lines))
    done = await ended(replay(str(file)), settings)
    assert done.returncode == 0, done.stderr
    assert "502 events sent" in done.stdout
    found = await arrived(settings, 502)
    values = [value for records in found.values() for _, _, value in records]
    assert sorted(values) == sorted(line for line in lines if line)
    broken = [value for _, key, value in found["orders", 0] if key is None]
    assert broken == [b"not json", b'{"type":"order.placed"']


async def test_replay_reads_a_pipe_as_it_comes_and_ends_with_it(settings: Settings) -> None:
    await create_topics(settings)
    good = [record.value for record in islice(simulate(START_MS), 20)]
    process = await asyncio.create_subprocess_exec(
        *replay("-"),
        cwd=ROOT,
        env=environment(settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(b"\n".join(good[:10]) + b"\n")
    await arrived(settings, 10)  # although the pipe is still open
    process.stdin.write(b"\n".join(good[10:]))
    process.stdin.close()
    stdout, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    assert b"20 events sent" in stdout


async def test_an_interrupted_replay_says_how_far_it_came(
    settings: Settings, tmp_path: Path
) -> None:
    await create_topics(settings)
    file = tmp_path / "events.jsonl"
    lines = [record.value for record in islice(simulate(START_MS), 2_000)]
    file.write_bytes(b"\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        *replay(str(file), "--rate", "100"),
        cwd=ROOT,
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await arrived(settings, 50)
    process.send_signal(signal.SIGINT)
    stdout, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130
    sent = int(stdout.split(b" events sent")[0].split()[-1].replace(b",", b""))
    assert 0 < sent < 2_000
    await arrived(settings, sent)


async def test_a_line_no_broker_takes_ends_the_replay_with_its_number(
    settings: Settings, tmp_path: Path
) -> None:
    await create_topics(settings)
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"{}\n" + b"x" * 1_000_001)
    done = await ended(replay(str(file)), settings)
    assert done.returncode == 1
    assert "tierstream: line 2 is longer than 1,000,000 bytes" in done.stderr
