"""`tierstream doctor` finds what is wrong with a deployment, says what to do, and always ends."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis
from typer.testing import CliRunner, Result

from cli.main import app
from config.policy_file import load_policy
from config.settings import Settings
from devtools.servers import Broker, RedisServer, start_broker, start_redis
from devtools.servers.ports import free_ports
from handlers.state.customer import new_customer, pack
from handlers.state.formats import FIRST, NEWEST
from handlers.state.partition_state import Meta, pack_meta
from scoring.policy import Policy
from streams.kafka.clients import new_producer
from streams.kafka.headers import META_KEY
from streams.kafka.topics import all_topics, changelog_name, create_topics
from streams.policy_log import ensure_policy

PARTITIONS = 2
CUSTOM_POLICY = 'version = "spring"\n[movement]\ngrace_days = 7\n'


pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def env(embedded_broker: Broker, redis_server: RedisServer, topic_prefix: str) -> dict[str, str]:
    """The environment of a deployment of its own on the shared servers."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": embedded_broker.bootstrap_servers,
        "REDIS_URL": redis_server.url,
        "TIERSTREAM_TOPIC_PREFIX": topic_prefix,
        "TIERSTREAM_APP_ID": f"{topic_prefix}app",
        "TIERSTREAM_PARTITIONS": str(PARTITIONS),
        "TIERSTREAM_PRODUCER_IDEMPOTENCE": "false",
        "TIERSTREAM_STARTUP_TIMEOUT": "5s",
    }


@pytest.fixture
def deployed(env: dict[str, str]) -> Settings:
    """Settings of a deployment whose topics exist."""
    settings = settings_of(env)
    asyncio.run(create_topics(settings))
    return settings


def settings_of(env: dict[str, str]) -> Settings:
    return Settings(
        kafka_bootstrap_servers=env["KAFKA_BOOTSTRAP_SERVERS"],
        redis_url=env["REDIS_URL"],
        topic_prefix=env["TIERSTREAM_TOPIC_PREFIX"],
        app_id=env["TIERSTREAM_APP_ID"],
        partitions=PARTITIONS,
        producer_idempotence=False,
    )


def doctor(env: dict[str, str]) -> Result:
    result = CliRunner().invoke(app, ["doctor"], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def wrong(result: Result) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith("!!")]


def assert_only_wrong(result: Result, *parts: str) -> None:
    """One line is wrong; it has all the parts, and says what to do."""
    lines = wrong(result)
    assert len(lines) == 1, result.output
    assert all(part in lines[0] for part in parts), lines[0]
    assert " → " in lines[0]
    assert result.exit_code == 1
    assert result.stderr == "tierstream: 1 thing is wrong\n"


async def make_topic(settings: Settings, name: str, partitions: int, **config: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
    finally:
        await admin.close()


async def write(settings: Settings, topic: str, *records: tuple[bytes | None, bytes]) -> None:
    producer = new_producer(settings, "test")
    await producer.start()
    try:
        for key, value in records:
            producer.add(topic, 0, key, value)
        await producer.flush()
    finally:
        await producer.stop()


def test_sound_deployment_has_only_ok_lines(env: dict[str, str], deployed: Settings) -> None:
    result = doctor(env)
    assert wrong(result) == []
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert all(line.startswith("ok  ") for line in lines)
    for topic in all_topics(deployed):
        assert any(f"topic {topic.name}: {PARTITIONS} partitions" in line for line in lines)
    assert f"ok  topic {changelog_name(deployed)}: 2 partitions, compacted" in lines
    assert any("answers over PLAINTEXT: 1 broker" in line for line in lines)
    assert any("the first worker writes policy 'default-1'" in line for line in lines)
    assert any("nothing waits" in line for line in lines)
    assert "ok  clock: these brokers do not tell their time, so nobody compares it" in lines
    assert any("Redis at" in line and "without a login" in line for line in lines)


def test_absent_broker_is_one_line_and_redis_is_still_looked_at(env: dict[str, str]) -> None:
    (port,) = free_ports()
    result = doctor(env | {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"})
    assert_only_wrong(result, f"no Kafka broker answers at 127.0.0.1:{port}", "start Kafka")
    assert "Redis at" in result.stdout.splitlines()[-1]


def test_broker_that_does_not_answer_ends_at_the_deadline(env: dict[str, str]) -> None:
    with start_broker("embedded") as broker:
        broker.pause()
        try:
            began_s = time.monotonic()
            frozen = {
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
                "TIERSTREAM_STARTUP_TIMEOUT": "2s",
            }
            result = doctor(env | frozen)
        finally:
            broker.resume()
    assert time.monotonic() - began_s < 15
    assert_only_wrong(result, "no Kafka broker answers")


def test_each_missing_topic_is_named(env: dict[str, str]) -> None:
    result = doctor(env)
    settings = settings_of(env)
    assert len(wrong(result)) == len(all_topics(settings))
    for topic in all_topics(settings):
        missing = f"!!  topic {topic.name} is missing → run 'tierstream topics create'"
        assert missing in result.stdout.splitlines()
    assert result.exit_code == 1


def test_output_topic_with_other_partitions_than_the_log_is_wrong(env: dict[str, str]) -> None:
    settings = settings_of(env)
    name = f"{settings.topic_prefix}tier-changes"
    asyncio.run(make_topic(settings, name, 3, **{"retention.ms": "-1"}))
    with pytest.raises(Exception, match="3 partitions"):
        asyncio.run(create_topics(settings))
    assert_only_wrong(doctor(env), f"{name} has 3 partitions but", "make it anew with 2")


def test_log_with_other_partitions_than_the_settings_is_wrong(
    env: dict[str, str], deployed: Settings
) -> None:
    result = doctor(env | {"TIERSTREAM_PARTITIONS": "5"})
    assert_only_wrong(result, "customer-events has 2 partitions", "set TIERSTREAM_PARTITIONS=2")


def test_input_topic_may_have_any_number_of_partitions(env: dict[str, str]) -> None:
    settings = settings_of(env)
    asyncio.run(make_topic(settings, f"{settings.topic_prefix}orders", 7))
    asyncio.run(create_topics(settings))
    assert wrong(doctor(env)) == []


@pytest.mark.parametrize(
    ("name", "config", "remedy"),
    [
        ("customer-profiles", {"max.compaction.lag.ms": "1"}, "cleanup.policy=compact"),
        (
            "customer-events",
            {"retention.ms": "-1", "cleanup.policy": "compact"},
            "cleanup.policy=delete",
        ),
        ("customer-events", {"retention.ms": "1000"}, "retention.ms=-1"),
        ("tier-changes", {"retention.ms": "604800000"}, "retention.ms=34560000000"),
    ],
)
def test_topic_that_would_lose_records_is_wrong(
    env: dict[str, str], name: str, config: dict[str, str], remedy: str
) -> None:
    settings = settings_of(env)
    full_name = settings.topic_prefix + name
    asyncio.run(make_topic(settings, full_name, PARTITIONS, **config))
    asyncio.run(create_topics(settings))
    assert_only_wrong(doctor(env), f"topic {full_name} has", remedy, "kafka-configs.sh")


@pytest.mark.parametrize("kept_ms", ["-1", "34560000001"])
def test_changes_may_be_kept_longer_than_the_view_needs_them(
    env: dict[str, str], kept_ms: str
) -> None:
    settings = settings_of(env)
    name = f"{settings.topic_prefix}dormancy-alerts"
    asyncio.run(make_topic(settings, name, PARTITIONS, **{"retention.ms": kept_ms}))
    asyncio.run(create_topics(settings))
    assert wrong(doctor(env)) == []


def test_changelog_without_compaction_is_wrong(env: dict[str, str]) -> None:
    settings = settings_of(env)
    lags = {"max.compaction.lag.ms": "604800000", "min.compaction.lag.ms": "600000"}
    asyncio.run(make_topic(settings, changelog_name(settings), PARTITIONS, **lags))
    asyncio.run(create_topics(settings))
    assert_only_wrong(doctor(env), "cleanup.policy=delete", "it must be compact")


def test_fewer_copies_than_asked_for_is_wrong(env: dict[str, str], deployed: Settings) -> None:
    lines = wrong(doctor(env | {"TIERSTREAM_REPLICATION_FACTOR": "3"}))
    inputs = sum(topic.is_input for topic in all_topics(deployed))
    assert len(lines) == len(all_topics(deployed)) - inputs
    assert all("has 1 copies but TIERSTREAM_REPLICATION_FACTOR is 3" in line for line in lines)


def test_absent_redis_says_what_goes_on_without_it(env: dict[str, str], deployed: Settings) -> None:
    (port,) = free_ports()
    result = doctor(env | {"REDIS_URL": f"redis://127.0.0.1:{port}/0"})
    assert_only_wrong(result, f"Redis at 127.0.0.1:{port} does not answer", "workers go on")


def test_wrong_redis_password_is_told_apart_and_never_shown(
    env: dict[str, str], deployed: Settings
) -> None:
    with start_redis(password="right") as server:
        address = server.url.rpartition("@")[2]
        allowed = {"TIERSTREAM_ALLOW_INSECURE_CREDENTIALS": "true"}
        wrong_one = doctor(env | allowed | {"REDIS_URL": f"redis://:secret-but-wrong@{address}"})
        right_one = doctor(env | allowed | {"REDIS_URL": server.url})
    assert_only_wrong(wrong_one, "refuses the user or the password", "check REDIS_URL")
    assert "secret-but-wrong" not in wrong_one.output
    assert right_one.exit_code == 0
    assert "with a login" in right_one.stdout


def test_redis_that_may_evict_keys_is_wrong(env: dict[str, str], deployed: Settings) -> None:
    with start_redis(own=True) as server:
        client: Any = Redis.from_url(server.url)
        mine = env | {"REDIS_URL": server.url}
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert "evicts nothing: it has no maxmemory" in doctor(mine).stdout
        client.config_set("maxmemory", "64mb")
        assert_only_wrong(doctor(mine), "maxmemory-policy=allkeys-lru", "noeviction")
        client.config_set("maxmemory-policy", "noeviction")
        assert "evicts nothing: maxmemory-policy is noeviction" in doctor(mine).stdout
        client.execute_command("ACL", "SETUSER", "default", "-info")
        silent = doctor(mine)
        assert "may not ask whether keys are evicted" in silent.stdout
        assert silent.exit_code == 0
        client.close()


@pytest.mark.kafka
def test_topics_check_tells_each_setting_of_kafka_that_does_not_fit(
    env: dict[str, str], kafka_broker: Broker
) -> None:
    """As the brokers apply them: those of the topics, and those of the brokers for all topics."""
    mine = env | {"KAFKA_BOOTSTRAP_SERVERS": kafka_broker.bootstrap_servers}
    settings, prefix = settings_of(mine), env["TIERSTREAM_TOPIC_PREFIX"]
    wrong_ones = {
        "care-reminders": {"cleanup.policy": "compact,delete"},
        "customer-profiles": {"cleanup.policy": "compact", "delete.retention.ms": "60000"},
        "dead-letters": {"max.message.bytes": "100000"},
        "tier-changes": {"message.timestamp.before.max.ms": "1000", "retention.ms": "1000"},
        "profile-changes": {"min.insync.replicas": "2"},
    }
    for name, config in wrong_ones.items():
        asyncio.run(make_topic(settings, prefix + name, PARTITIONS, **config))
    asyncio.run(create_topics(settings))
    result = CliRunner().invoke(app, ["topics", "check"], env=mine)
    told = [line.split(",")[0].removeprefix(f"!!  topic {prefix}") for line in wrong(result)]
    assert sorted(told) == [
        "care-reminders has cleanup.policy=compact",
        "customer-profiles has delete.retention.ms=60000",
        f"customer-profiles has max.compaction.lag.ms={2**63 - 1}",
        "dead-letters has max.message.bytes=100000",
        "profile-changes has min.insync.replicas=2",
        "tier-changes has message.timestamp.before.max.ms=1000",
        "tier-changes has retention.ms=1000",
    ]
    assert result.exit_code == 1
    assert result.stderr == "tierstream: 7 things are wrong with the topics\n"
    assert "ok  clock of this machine: 0." in doctor(mine).stdout
    sound = [line for line in result.stdout.splitlines() if line.startswith("ok  ")]
    assert len(sound) == len(all_topics(settings)) - len(wrong_ones)


def test_a_state_of_a_newer_format_is_named(
    env: dict[str, str], deployed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.toml").write_text(CUSTOM_POLICY)
    changelog = changelog_name(deployed)
    newer = bytes((NEWEST + 1,)) + pack(new_customer("ana"), FIRST)
    meta = pack_meta(Meta(policy=Policy()))
    asyncio.run(write(deployed, changelog, (META_KEY, meta), (b"ana", newer)))
    named = f"{changelog}/0@1, of b'ana', has format {NEWEST + 1}, and this release reads formats"
    assert_only_wrong(doctor(env), named, "run the newer release")
    result = CliRunner().invoke(app, ["policy", "publish", "policy.toml"], env=env)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"tierstream: {named}")


def test_an_older_format_is_told_with_what_raises_it(
    env: dict[str, str], deployed: Settings
) -> None:
    meta = pack_meta(Meta(policy=Policy(), allowed_lateness_ms=300_000))
    asyncio.run(write(deployed, changelog_name(deployed), (META_KEY, meta)))
    result = doctor(env)
    assert f"ok  states: format 1; TIERSTREAM_STATE_FORMAT={NEWEST} raises it" in result.stdout


def test_topics_check_of_sound_topics_has_only_ok_lines(
    env: dict[str, str], deployed: Settings
) -> None:
    result = CliRunner().invoke(app, ["topics", "check"], env=env)
    assert result.exit_code == 0
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        f"ok  topic {topic.name}" for topic in all_topics(deployed)
    ]


def test_topics_check_without_a_broker_is_one_sentence(env: dict[str, str]) -> None:
    (port,) = free_ports()
    lost = env | {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
    result = CliRunner().invoke(app, ["topics", "check"], env=lost)
    assert result.exit_code == 1
    assert result.stderr.startswith("tierstream: no Kafka broker answers at")


def test_unknown_variable_is_wrong_with_the_one_probably_meant(
    env: dict[str, str], deployed: Settings
) -> None:
    result = doctor(env | {"TIERSTREAM_FLUSH_INTERVALL": "1s"})
    assert_only_wrong(
        result, "TIERSTREAM_FLUSH_INTERVALL", "did you mean TIERSTREAM_FLUSH_INTERVAL?"
    )


def test_variables_that_kubernetes_adds_are_none_of_ours(
    env: dict[str, str], deployed: Settings
) -> None:
    added = {
        "TIERSTREAM_WORKER_SERVICE_HOST": "10.0.0.1",
        "TIERSTREAM_WORKER_SERVICE_PORT_METRICS": "8080",
        "TIERSTREAM_WORKER_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    assert wrong(doctor(env | added)) == []


def test_wrong_setting_ends_the_diagnosis_with_its_name(env: dict[str, str]) -> None:
    result = doctor(env | {"TIERSTREAM_PARTITIONS": "none"})
    assert_only_wrong(result, "TIERSTREAM_PARTITIONS=none", "correct the variable")


def test_each_problem_of_the_policy_file_is_a_line(
    env: dict[str, str], deployed: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('timezone = "Mars/Olympus"\nwindow_days = 0\n')
    lines = wrong(doctor(env | {"TIERSTREAM_POLICY_FILE": str(file)}))
    assert len(lines) == 2
    assert "timezone: no time zone 'Mars/Olympus'" in lines[0]
    assert "window_days" in lines[1]


def test_log_that_another_policy_runs_in_is_wrong(
    env: dict[str, str], deployed: Settings, tmp_path: Path
) -> None:
    asyncio.run(ensure_policy(deployed, Policy()))
    assert_only_wrong(doctor(env), "2 records wait and no worker runs", "start 'tierstream worker'")
    file = tmp_path / "policy.toml"
    file.write_text(CUSTOM_POLICY)
    lines = wrong(doctor(env | {"TIERSTREAM_POLICY_FILE": str(file)}))
    assert "policy 'default-1' is in force, but the configured file is 'spring'" in lines[0]
    assert "tierstream policy publish" in lines[0]


def test_newest_checkpoint_tells_the_policy_in_force(
    env: dict[str, str], deployed: Settings, tmp_path: Path
) -> None:
    """The log still begins with the first policy; a later one was published."""
    file = tmp_path / "policy.toml"
    file.write_text(CUSTOM_POLICY)
    older = Meta(epoch=1, applied=5, policy=Policy(), allowed_lateness_ms=300_000)
    newest = Meta(epoch=2, applied=9, policy=load_policy(file), allowed_lateness_ms=300_000)
    filling = [(b"c%d" % number, pack(new_customer(f"c{number}"))) for number in range(5_000)]
    asyncio.run(
        write(
            deployed,
            changelog_name(deployed),
            (META_KEY, pack_meta(newest)),
            (META_KEY, pack_meta(older)),
            *filling,
        )
    )
    result = doctor(env | {"TIERSTREAM_POLICY_FILE": str(file)})
    assert "policy 'spring' is in force, and it is the configured one" in result.stdout
    assert_only_wrong(doctor(env), "policy 'spring' is in force", "'default-1'")


def test_log_of_another_mode_is_wrong(env: dict[str, str], deployed: Settings) -> None:
    meta = Meta(epoch=1, applied=5, policy=Policy(), allowed_lateness_ms=300_000, mode="replay")
    asyncio.run(write(deployed, changelog_name(deployed), (META_KEY, pack_meta(meta))))
    assert_only_wrong(doctor(env), "runs in mode replay", "correct TIERSTREAM_MODE")


def test_log_with_another_live_from_is_wrong(env: dict[str, str], deployed: Settings) -> None:
    meta = Meta(policy=Policy(), allowed_lateness_ms=300_000, format=3, live_from_ms=0)
    asyncio.run(write(deployed, changelog_name(deployed), (META_KEY, pack_meta(meta))))
    assert_only_wrong(doctor(env), "live_from 1970-01-01", "correct TIERSTREAM_LIVE_FROM")


def test_log_that_begins_without_a_policy_is_wrong(env: dict[str, str], deployed: Settings) -> None:
    asyncio.run(write(deployed, f"{deployed.topic_prefix}customer-events", (b"ana", b"{}")))
    assert any("does not begin with a policy" in line for line in wrong(doctor(env)))
