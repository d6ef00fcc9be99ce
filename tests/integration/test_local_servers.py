"""The local servers do what Kafka and Redis do, and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import aiokafka
import pytest
import redis
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from devtools.servers import Broker, BrokerUnavailable, ServerFailed, start_broker, start_redis
from devtools.servers import kafka_jars as kafka_module
from devtools.servers.guardian import Workspace
from devtools.servers.jar_cache import java_program, kafka_jars
from devtools.servers.ports import free_ports
from devtools.servers.server_process import ServerProcess, wait_until_ready
from tests.harness.kafka import skip_without_java

PARTITIONS = 3
ROOT = Path(__file__).resolve().parents[2]


async def create_topic(broker: Broker, name: str, **configs: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        topic = NewTopic(name, PARTITIONS, len(broker.nodes), topic_configs=configs)
        await admin.create_topics([topic])
    finally:
        await admin.close()


async def produce(broker: Broker, topic: str, *records: tuple[bytes, bytes | None]) -> None:
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap_servers,
        acks="all",
        enable_idempotence=broker.idempotence,
    )
    await producer.start()
    try:
        for key, value in records:
            await producer.send_and_wait(topic, value, key=key, headers=[("reason", key)])
    finally:
        await producer.stop()


async def consume(broker: Broker, topic: str, count: int) -> list[aiokafka.ConsumerRecord]:
    consumer = aiokafka.AIOKafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            return [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()


def eventually(holds: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def exists(pid: int) -> bool:
    """Whether the process runs; an ended one that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.is_file() and status.read_text().rpartition(")")[2].split()[0] == "Z")


async def test_records_come_back_with_keys_headers_and_tombstones(
    broker: Broker, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}roundtrip"
    await create_topic(broker, topic, **{"cleanup.policy": "compact"})
    await produce(broker, topic, (b"a", b"1"), (b"b", None), (b"a", b"2"))
    records = await consume(broker, topic, 3)
    assert [r.value for r in records if r.key == b"a"] == [b"1", b"2"]
    assert [r.value for r in records if r.key == b"b"] == [None]
    assert all(r.headers == (("reason", r.key),) for r in records)


async def test_a_compacted_topic_says_so(broker: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}compacted"
    await create_topic(broker, topic, **{"cleanup.policy": "compact"})
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    entries = answers[0].resources[0][4]
    assert {entry[0]: entry[1] for entry in entries}["cleanup.policy"] == "compact"


@pytest.mark.kafka
async def test_apache_kafka_keeps_acknowledged_records_through_a_kill(topic_prefix: str) -> None:
    try:
        started = start_broker("kafka")
    except BrokerUnavailable as reason:
        skip_without_java(reason)
        raise
    with started as broker:
        topic = f"{topic_prefix}durable"
        await create_topic(broker, topic)
        await produce(broker, topic, (b"k", b"before"))
        broker.kill()
        assert broker.nodes[0].pid is None
        broker.restart()
        await produce(broker, topic, (b"k", b"after"))
        assert [r.value for r in await consume(broker, topic, 2)] == [b"before", b"after"]


@pytest.mark.kafka
@pytest.mark.slow
async def test_a_cluster_of_three_works_on_when_one_node_dies(topic_prefix: str) -> None:
    try:
        started = start_broker("kafka", brokers=3)
    except BrokerUnavailable as reason:
        skip_without_java(reason)
        raise
    with started as broker:
        topic = f"{topic_prefix}replicated"
        await create_topic(broker, topic)
        await produce(broker, topic, (b"k", b"three nodes"))
        broker.kill(node=2)
        await produce(broker, topic, (b"k", b"two nodes"))
        broker.restart(node=2)
        await produce(broker, topic, (b"k", b"three again"))
        values = [r.value for r in await consume(broker, topic, 3)]
        assert values == [b"three nodes", b"two nodes", b"three again"]


async def test_the_embedded_broker_comes_back_empty_on_the_same_port(topic_prefix: str) -> None:
    with start_broker("embedded") as broker:
        address, topic = broker.bootstrap_servers, f"{topic_prefix}volatile"
        await create_topic(broker, topic)
        await produce(broker, topic, (b"k", b"lost"))
        broker.kill()
        broker.restart()
        assert broker.bootstrap_servers == address
        assert not broker.durable
        await create_topic(broker, topic)
        await produce(broker, topic, (b"k", b"new"))
        assert [r.value for r in await consume(broker, topic, 1)] == [b"new"]


async def test_a_frozen_broker_answers_again_when_it_goes_on(topic_prefix: str) -> None:
    with start_broker("embedded") as broker:
        topic = f"{topic_prefix}frozen"
        await create_topic(broker, topic)
        broker.pause()
        waiting = asyncio.create_task(produce(broker, topic, (b"k", b"v")))
        done, _ = await asyncio.wait([waiting], timeout=1.0)
        assert not done
        broker.resume()
        async with asyncio.timeout(30):
            await waiting
        assert len(await consume(broker, topic, 1)) == 1


def test_stopping_removes_process_watcher_and_folder() -> None:
    broker = start_broker("embedded")
    pid, folder = broker.nodes[0].pid, broker.nodes[0].log_path.parent
    assert pid is not None
    assert folder.is_dir()
    broker.stop()
    broker.stop()
    assert not exists(pid)
    assert not folder.exists()


# A second process starts the servers, says what it started, and waits to be ended.
CHILD = """
import sys, time
from devtools.servers import start_broker, start_redis
broker, redis = start_broker("embedded"), start_redis(own=True)
started = [broker.nodes[0], redis.process]
print(*[p.pid for p in started], *[p.log_path.parent for p in started], flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("ending", ["of itself", "SIGTERM", "SIGKILL"])
def test_servers_end_with_the_process_that_started_them(ending: str) -> None:
    lifetime_s = "0" if ending == "of itself" else "60"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, lifetime_s], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        *pids, first, second = child.stdout.readline().split()
        if ending.startswith("SIG"):
            assert all(exists(int(pid)) for pid in pids)
            child.send_signal(getattr(signal, ending))
        child.wait(20)
    assert eventually(lambda: not any(exists(int(pid)) for pid in pids))
    assert eventually(lambda: not Path(first).exists() and not Path(second).exists())


def test_a_server_that_ends_at_once_is_reported_with_its_log() -> None:
    workspace = Workspace("broken")
    (port,) = free_ports()
    process = ServerProcess(
        "A server", ["/bin/sh", "-c", "echo no such disk; exit 3"], port=port, workspace=workspace
    )
    try:
        process.launch()
        with pytest.raises(ServerFailed, match=f"A server on port {port} ended.*\nno such disk"):
            wait_until_ready([process], lambda: False, timeout_s=10)
    finally:
        workspace.close()


def test_a_server_that_never_answers_is_reported_at_its_deadline() -> None:
    workspace = Workspace("silent")
    (port,) = free_ports()
    process = ServerProcess("A server", ["sleep", "60"], port=port, workspace=workspace)
    try:
        process.launch()
        with pytest.raises(ServerFailed, match=r"was not ready after 0\.2 s"):
            wait_until_ready([process], lambda: False, timeout_s=0.2)
    finally:
        pid = process.pid
        workspace.close()
    assert pid is not None
    assert eventually(lambda: not exists(pid))
    assert not process.running


def test_servers_do_not_see_the_variables_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_URL", "tcp://127.0.0.1:1")
    monkeypatch.setenv("STORAGE_ENGINE", "s3://elsewhere/")
    with start_broker("embedded") as broker:
        assert "memory://tansu/" in broker.log_tail()
        assert broker.bootstrap_servers in broker.log_tail()


def test_a_machine_without_java_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BrokerUnavailable, match="needs Java 17 or later, and there is no `java`"):
        start_broker("kafka")


def test_an_old_java_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BrokerUnavailable, match="is Java 8"):
        java_program()


def test_jars_without_maven_are_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BrokerUnavailable, match="no `mvn` on the PATH"):
        kafka_jars()


def test_a_failed_download_is_reported_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] repository unreachable'; exit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(BrokerUnavailable, match="repository unreachable"):
        kafka_jars()
    assert [p.suffix for p in (tmp_path / "cache" / "tierstream").iterdir()] == [".lock"]


def test_a_local_cluster_has_a_limit() -> None:
    with pytest.raises(ValueError, match="1 to 5 brokers, not 6"):
        kafka_module.start_kafka(brokers=6)
    with pytest.raises(ValueError, match="one node"):
        start_broker("embedded", brokers=2)


def test_redis_asks_for_its_password() -> None:
    with start_redis(password="correct horse") as server:
        assert redis.Redis.from_url(server.url).ping()
        stranger = redis.Redis(port=server.process.port if server.process else 0)
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()


@pytest.mark.parametrize("durable", [True, False])
def test_only_a_durable_redis_keeps_its_data_through_a_kill(durable: bool) -> None:
    with start_redis(own=True, durable=durable) as server:
        redis.Redis.from_url(server.url).set("tier", "A")
        server.kill()
        server.restart()
        assert redis.Redis.from_url(server.url).get("tier") == (b"A" if durable else None)


def test_a_cluster_refuses_keys_of_different_slots() -> None:
    with start_redis(cluster=True) as server:
        client = redis.Redis.from_url(server.url)
        assert client.mset({"{shop}:1": "A", "{shop}:2": "B"})
        with pytest.raises(redis.exceptions.ClusterCrossSlotError):
            client.mset({"shop:1": "A", "shop:2": "B"})


def test_the_redis_of_the_environment_is_used_and_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with start_redis(own=True) as ours:
        monkeypatch.setenv("REDIS_URL", ours.url)
        with start_redis() as theirs:
            assert theirs.process is None
            with pytest.raises(ValueError, match="not ours"):
                theirs.kill()
        assert redis.Redis.from_url(ours.url).ping()


def test_a_paused_redis_times_out_and_then_answers() -> None:
    with start_redis(own=True) as server:
        client = redis.Redis.from_url(server.url, socket_timeout=0.3, retry=None)
        assert client.ping()
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
        assert client.ping()


def test_a_dead_redis_url_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports()
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
    with pytest.raises(RuntimeError, match="REDIS_URL does not answer"):
        start_redis()


def test_ports_are_different_and_outside_the_range_of_outgoing_connections() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(port < 32_768 for port in ports)
