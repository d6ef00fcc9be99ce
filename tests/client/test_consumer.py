"""The sequence rule, on a real broker."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.consumer import fetcher

from devtools.servers import Broker
from tests.client.builders import SECRET, FailingEndpoint, endpoint, put_aside, value_of
from tests.support.header_names import AS_AIOKAFKA_READS, AnyName, Written, any_header_names
from tierstream_client import Alert, AlertConsumer, MemoryFile, PositionGone, TopicMissing

ROOT = Path(__file__).parents[2]
DEADLINE_S = 20.0


@pytest.fixture
def broker(embedded_broker: Broker) -> Broker:
    """What is claimed here is the client's, whatever the broker."""
    return embedded_broker


@pytest.fixture
async def topic(broker: Broker) -> AsyncIterator[str]:
    name = f"alerts-{uuid.uuid4().hex[:12]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    yield name
    await admin.close()


async def write(broker: Broker, topic: str, *values: bytes, partition: int = 0) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=partition)


async def read(broker: Broker, topic: str, path: Path, until: int) -> list[str]:
    """The ids handed out by one run, which ends when so many came or nothing comes for a second."""
    got: list[str] = []
    with MemoryFile(path) as memory:
        async with AlertConsumer(broker.bootstrap_servers, [topic], memory) as consumer:

            async def handle(alert: Alert) -> None:
                got.append(alert.id)
                if len(got) == until:
                    consumer.stop()

            running = asyncio.create_task(consumer.run(handle))
            await asyncio.wait({running}, timeout=DEADLINE_S if until else 1.5)
            consumer.stop()
            await running
    return got


async def test_repetitions_are_dropped_and_gaps_are_not_waited_for(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    told = [("ana", 1), ("ana", 3), ("ben", 2), ("ana", 1), ("ana", 3), ("ben", 2), ("ana", 4)]
    await write(broker, topic, *(value_of(*one) for one in told))
    found = await read(broker, topic, tmp_path / "memory", until=4)
    assert found == ["ana-1", "ana-3", "ben-2", "ana-4"]


async def test_a_next_run_goes_on_where_the_last_one_stopped(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    path = tmp_path / "memory"
    await write(broker, topic, *(value_of("ana", n) for n in range(1, 6)))
    assert await read(broker, topic, path, until=2) == ["ana-1", "ana-2"]
    await write(broker, topic, value_of("ben", 1), partition=1)
    assert sorted(await read(broker, topic, path, until=4)) == ["ana-3", "ana-4", "ana-5", "ben-1"]
    assert await read(broker, topic, path, until=0) == []


async def test_what_is_no_output_is_passed_over(broker: Broker, topic: str, tmp_path: Path) -> None:
    await write(broker, topic, b"garbage", value_of("ana", 1), b"{}", value_of("ana", 2))
    assert await read(broker, topic, tmp_path / "memory", until=2) == ["ana-1", "ana-2"]


async def write_batch(broker: Broker, topic: str, *records: Written, partition: int = 0) -> None:
    """Write values with headers of any name in one batch."""
    with any_header_names():
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers) as producer:
            batch = producer.create_batch()
            for value, headers in records:
                assert batch.append(key=None, value=value, timestamp=None, headers=headers)
            await (await producer.send_batch(batch, topic, partition=partition))


NO_UTF_8 = [(AnyName(b"caf\xe9"), b"1")]


@pytest.mark.parametrize("strange", [(0,), (1,), (2,), (0, 1, 2)])
async def test_what_cannot_be_decoded_is_passed_over_with_the_rest_of_its_batch(
    broker: Broker,
    topic: str,
    tmp_path: Path,
    strange: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in AS_AIOKAFKA_READS.items():
        monkeypatch.setattr(fetcher, name, value)
    await write(broker, topic, value_of("ana", 1), value_of("ana", 2))
    written = [(value_of("ana", 3 + n), NO_UTF_8 if n in strange else []) for n in range(3)]
    await write_batch(broker, topic, *written)
    await write(broker, topic, value_of("ben", 1), partition=1)
    await write(broker, topic, value_of("ana", 9))
    await write_batch(broker, topic, (b"", NO_UTF_8), partition=1)
    before = [f"ana-{3 + n}" for n in range(min(strange))]
    path = tmp_path / "memory"
    found = await read(broker, topic, path, until=4 + len(before))
    assert [one for one in found if one != "ben-1"] == ["ana-1", "ana-2", *before, "ana-9"]
    assert found.count("ben-1") == 1
    assert await read(broker, topic, path, until=0) == []
    await write(broker, topic, value_of("ben", 2), partition=1)
    assert await read(broker, topic, path, until=1) == ["ben-2"]


async def test_a_failure_ends_the_run_and_hands_the_alert_out_again(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    path = tmp_path / "memory"
    await write(broker, topic, value_of("ana", 1), value_of("ana", 2))

    async def fail_at_second(alert: Alert) -> None:
        if alert.sequence == 2:
            raise ConnectionError("the CRM is away")

    with MemoryFile(path) as memory:
        async with AlertConsumer(broker.bootstrap_servers, [topic], memory) as consumer:
            with pytest.raises(ConnectionError, match="away"):
                await asyncio.wait_for(consumer.run(fail_at_second), DEADLINE_S)
    assert await read(broker, topic, path, until=1) == ["ana-2"]


async def test_a_topic_that_was_made_anew_is_refused(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    with MemoryFile(tmp_path / "memory") as memory:
        memory.note_position(topic, 0, 1_000)
        consumer = AlertConsumer(broker.bootstrap_servers, [topic], memory)
        with pytest.raises(PositionGone, match=f"{topic}/0@1000"):
            await consumer.__aenter__()


async def test_a_topic_that_is_not_there_is_named(broker: Broker, tmp_path: Path) -> None:
    with MemoryFile(tmp_path / "memory") as memory:
        consumer = AlertConsumer(broker.bootstrap_servers, ["nowhere"], memory)
        with pytest.raises(TopicMissing, match="nowhere"):
            await consumer.__aenter__()


def start_example(broker: Broker, topic: str, url: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "examples/marketing_automation.py"),
            *("--brokers", broker.bootstrap_servers, "--topics", topic),
            *("--url", url, "--state", str(folder)),
        ],
        cwd=ROOT,
        env={**os.environ, "WEBHOOK_SECRET": SECRET, "PYTHONPATH": str(ROOT)},
    )


async def until_sent(
    receiver: FailingEndpoint, count: int, process: subprocess.Popen[bytes]
) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while len(set(receiver.taken)) < count:
        assert process.poll() is None, "the example ended"
        assert time.monotonic() < deadline_s, f"only {receiver.taken} were sent"
        await asyncio.sleep(0.02)


async def test_the_example_sends_each_alert_once_through_failures_and_a_kill(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    alerts = [value_of("ana", n) for n in range(1, 21)]
    held = value_of("ben", 1, suppressed="no_consent")
    async with endpoint(200, 500, 200, 0, 200) as receiver:
        await write(broker, topic, *alerts[:10], held, *alerts[5:10])
        process = start_example(broker, topic, receiver.url, tmp_path)
        await until_sent(receiver, 10, process)
        process.kill()
        process.wait()
        await write(broker, topic, *alerts[10:])
        process = start_example(broker, topic, receiver.url, tmp_path)
        await until_sent(receiver, 20, process)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0
    assert set(receiver.taken) == {f"ana-{n}" for n in range(1, 21)}
    assert len(receiver.taken) <= 21, "one may be told again by the kill"
    assert put_aside(tmp_path / "dead-letters.jsonl") == []


async def test_the_example_says_in_a_sentence_why_it_ends(
    broker: Broker, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    process = start_example(broker, "nowhere", "http://127.0.0.1:1/", tmp_path)
    assert await asyncio.to_thread(process.wait, 20) == 1
    assert capfd.readouterr().err.splitlines()[-1].endswith("there is no topic nowhere")
