"""Topic settings with which records would be lost or refused are found, each with its remedy."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cli.doctor import Finding
from cli.doctor.cluster import Cluster
from cli.doctor.redis import eviction_finding
from cli.doctor.topic_settings import topic_findings
from config.settings import Settings
from streams.kafka.clients import LARGEST_BATCH_BYTES
from streams.kafka.topics import Topic, all_topics, changelog_name

KAFKA_DEFAULTS = {
    "cleanup.policy": "delete",
    "delete.retention.ms": "86400000",
    "max.compaction.lag.ms": str(2**63 - 1),
    "max.message.bytes": "1048588",
    "message.timestamp.after.max.ms": "3600000",
    "message.timestamp.before.max.ms": str(2**63 - 1),
    "message.timestamp.type": "CreateTime",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
}
"""Of the settings we look at, on a broker of Kafka 4.1."""

OUTPUTS = ("tier-changes", "dormancy-alerts", "care-reminders", "profile-changes")
INPUTS = ("orders", "browse", "support", "profiles")
COMPACTED = ("customer-profiles", "tierstream-customers-changelog")


def settings_of(**given: object) -> Settings:
    return Settings(app_id="tierstream", topic_prefix="", **given)  # type: ignore[arg-type]


def findings(
    name: str,
    changed: Mapping[str, str],
    *,
    copies: int = 1,
    settings: Settings | None = None,
    others: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Finding]:
    """What is said about one topic, made as we make it, whose settings were then changed."""
    settings = settings or settings_of()
    topic = _topic(settings, name)
    partition = {"partition": 0, "leader": 0, "replicas": list(range(copies))}
    partitions = {one.name: [partition] * settings.partitions for one in all_topics(settings)}
    configs: dict[str, dict[str, str]] = {
        **{one.name: {**KAFKA_DEFAULTS, **one.config} for one in all_topics(settings)},
        **{one: dict(config) for one, config in (others or {}).items()},
    }
    configs[name] = {**configs[name], **changed}
    return topic_findings(settings, topic, Cluster(1, "here", partitions, configs))


def _topic(settings: Settings, name: str) -> Topic:
    return next(one for one in all_topics(settings) if one.name == name)


def only_fault(found: list[Finding]) -> str:
    assert len(found) == 1, found
    assert not found[0].is_ok, found
    return str(found[0])


@pytest.mark.parametrize("name", [topic.name for topic in all_topics(settings_of())])
def test_topic_as_we_make_it_is_right(name: str) -> None:
    assert all(finding.is_ok for finding in findings(name, {}))


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
@pytest.mark.parametrize("name", [*OUTPUTS, *INPUTS, "dead-letters", "customer-events"])
def test_topic_whose_records_are_all_needed_must_not_be_compacted(name: str, policy: str) -> None:
    said = only_fault(findings(name, {"cleanup.policy": policy}))
    assert f"topic {name} has cleanup.policy={policy}, so a newer record of a customer" in said
    assert said.endswith(f"--entity-name {name} --add-config cleanup.policy=delete")


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
@pytest.mark.parametrize("name", COMPACTED)
def test_topic_with_the_newest_of_each_customer_must_only_be_compacted(
    name: str, policy: str
) -> None:
    said = only_fault(findings(name, {"cleanup.policy": policy}))
    assert "who is quiet for long is removed by its age" in said
    assert said.endswith("--add-config cleanup.policy=compact")


@pytest.mark.parametrize("name", [*OUTPUTS, *COMPACTED, "dead-letters", "customer-events"])
def test_topic_of_ours_must_take_our_largest_batch(name: str) -> None:
    said = only_fault(findings(name, {"max.message.bytes": str(LARGEST_BATCH_BYTES - 1)}))
    assert f"it must be at least {LARGEST_BATCH_BYTES}" in said
    assert all(one.is_ok for one in findings(name, {"max.message.bytes": "10485760"}))


def test_size_limit_of_an_input_is_its_owners_choice() -> None:
    assert all(one.is_ok for one in findings("orders", {"max.message.bytes": "1000"}))


@pytest.mark.parametrize(
    "setting",
    [
        "message.timestamp.before.max.ms",
        "message.timestamp.after.max.ms",
        "message.timestamp.difference.max.ms",
    ],
)
@pytest.mark.parametrize("name", ["tier-changes", "customer-events", "customer-profiles"])
def test_topic_of_ours_must_take_a_record_that_was_under_way(name: str, setting: str) -> None:
    said = only_fault(findings(name, {setting: "30000"}))
    assert f"{setting}=30000, so Kafka refuses what a worker writes" in said


def test_input_must_take_every_dead_letter_that_may_be_replayed() -> None:
    before = "message.timestamp.before.max.ms"
    assert "cannot be replayed" in only_fault(findings("orders", {before: "604799999"}))
    assert all(one.is_ok for one in findings("orders", {before: "604800000"}))
    kept = {"dead-letters": {**KAFKA_DEFAULTS, "retention.ms": "-1"}}
    assert f"at least {2**63 - 1}" in only_fault(findings("orders", {before: "1"}, others=kept))
    assert all(one.is_ok for one in findings("orders", {}, others=kept))


def test_times_of_arrival_matter_only_where_inputs_are_merged_by_time() -> None:
    arrival = {"message.timestamp.type": "LogAppendTime"}
    assert all(one.is_ok for one in findings("orders", arrival))
    said = only_fault(findings("orders", arrival, settings=settings_of(mode="replay")))
    assert said.endswith("message.timestamp.type=CreateTime")


@pytest.mark.parametrize("name", [*INPUTS, *OUTPUTS, "dead-letters"])
def test_records_must_stay_for_who_is_away_for_a_day(name: str) -> None:
    assert "retention.ms=86399999, so" in only_fault(findings(name, {"retention.ms": "86399999"}))


@pytest.mark.parametrize("name", ["tier-changes", "dormancy-alerts", "customer-events"])
def test_what_is_kept_by_time_must_not_be_limited_by_size(name: str) -> None:
    said = only_fault(findings(name, {"retention.bytes": "1073741824"}))
    assert said.endswith("retention.bytes=-1")


def test_profile_removals_must_stay_for_a_projector_that_is_away() -> None:
    said = only_fault(findings("customer-profiles", {"delete.retention.ms": "3600000"}))
    assert "a customer was erased" in said
    assert all(one.is_ok for one in findings(changelog_name(settings_of()), {}))


@pytest.mark.parametrize(
    ("copies", "in_sync", "said"),
    [
        (1, 1, None),
        (2, 1, None),
        (2, 2, None),
        (3, 2, None),
        (3, 3, None),
        (1, 2, "Kafka refuses every write"),
        (2, 3, "Kafka refuses every write"),
        (3, 1, "is lost with it → it must be at least 2"),
    ],
)
def test_copies_in_sync_must_fit_the_copies(copies: int, in_sync: int, said: str | None) -> None:
    settings = settings_of(replication_factor=copies)
    changed = {"min.insync.replicas": str(in_sync)}
    found = findings("customer-events", changed, copies=copies, settings=settings)
    if said is None:
        assert all(one.is_ok for one in found)
    else:
        assert said in only_fault(found)


def test_every_fault_of_a_topic_is_a_line_of_its_own() -> None:
    changed = {"cleanup.policy": "compact", "retention.ms": "1000", "max.message.bytes": "1000"}
    found = findings("tier-changes", changed)
    assert [one.text.split("=")[0].rpartition(" ")[2] for one in found] == [
        "cleanup.policy",
        "retention.ms",
        "max.message.bytes",
    ]
    assert not any(one.is_ok for one in found)


def test_setting_that_the_broker_does_not_tell_is_left_out() -> None:
    """The embedded broker tells only what a topic was made with."""
    settings = settings_of()
    topic = _topic(settings, "tier-changes")
    partition = {"partition": 0, "leader": 0, "replicas": [0]}
    topics = {one.name: [partition] * settings.partitions for one in all_topics(settings)}
    cluster = Cluster(1, "here", topics, {"tier-changes": topic.config})
    assert all(one.is_ok for one in topic_findings(settings, topic, cluster))
    said = only_fault(topic_findings(settings, topic, cluster._replace(configs={topic.name: {}})))
    assert "retention.ms=604800000" in said


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
def test_redis_that_may_evict_is_wrong(policy: str) -> None:
    found = eviction_finding("Redis", {"maxmemory": 512, "maxmemory_policy": policy})
    assert f"maxmemory-policy={policy} with a maxmemory of 512 bytes" in found.text
    assert "noeviction" in str(found.remedy)


@pytest.mark.parametrize(
    "memory",
    [
        {"maxmemory": 512, "maxmemory_policy": "noeviction"},
        {"maxmemory": 0, "maxmemory_policy": "allkeys-lru"},
        {},
    ],
)
def test_redis_that_evicts_nothing_is_right(memory: dict[str, object]) -> None:
    assert eviction_finding("Redis", memory).is_ok
