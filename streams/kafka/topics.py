"""The topics: their names and settings, how they are created and checked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, NamedTuple, get_args

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from config.settings import Settings
from handlers import outputs
from handlers.decode.schema import InputTopic, Schema
from handlers.events import SCHEMA
from streams.kafka.clients import open_admin, unreachable

INPUT_TOPICS: Final[tuple[InputTopic, ...]] = get_args(InputTopic)
CUSTOMER_EVENTS = "customer-events"
DEAD_LETTERS = "dead-letters"
CLOCK_PROBE = "clock-probe"
"""Has empty records, by which a worker reads the brokers' time."""
OUTPUTS = (
    outputs.TIER_CHANGES,
    outputs.DORMANCY_ALERTS,
    outputs.CARE_REMINDERS,
    outputs.PROFILE_CHANGES,
)
TABLE = "customers"

FOR_EVER = "-1"
"""A retention without a limit."""

# Replayed records bear the times of their events: with a limit they would be gone at once.
_KEEP_FOR_EVER = {"retention.ms": FOR_EVER, "retention.bytes": FOR_EVER}
# Without a greatest lag, the records behind the marker of an erased customer would stay for ever in
# a partition of which little else is superseded.
_COMPACTED = {"cleanup.policy": "compact", "max.compaction.lag.ms": "604800000"}
# The view reads these from the beginning when it is made anew.
_CHANGES = frozenset({outputs.TIER_CHANGES, outputs.DORMANCY_ALERTS})
# A stopped owner that wakes may still write; the record it would hide must stay long enough to be
# compared.
_CHANGELOG = {**_COMPACTED, "min.compaction.lag.ms": "600000"}


TIMESTAMP_TYPE = {"message.timestamp.type": "LogAppendTime"}
"""So that the answer to a write tells the broker's time."""
_PROBE = {**TIMESTAMP_TYPE, "retention.ms": "3600000"}


class TopicsUnusable(Exception):
    """Topics are missing or have another number of partitions; the message is one sentence."""


class Topic(NamedTuple):
    """A topic with its settings. Inputs may have any number of partitions."""

    name: str
    config: dict[str, str]
    is_input: bool = False


def topic_name(settings: Settings, name: str) -> str:
    """The full name of a topic."""
    return settings.topic_prefix + name


def changelog_name(settings: Settings) -> str:
    """The changelog of the customers table, named as Faust names it."""
    return f"{settings.app_id}-{TABLE}-changelog"


def all_topics(settings: Settings) -> list[Topic]:
    """Every topic Tierstream reads or writes."""
    prefix = settings.topic_prefix
    topics = [Topic(prefix + name, _KEEP_FOR_EVER, is_input=True) for name in INPUT_TOPICS]
    topics.append(Topic(prefix + CUSTOMER_EVENTS, _KEEP_FOR_EVER))
    kept = {"retention.ms": str(settings.changes_kept.ms), "retention.bytes": FOR_EVER}
    topics += [Topic(prefix + name, kept if name in _CHANGES else {}) for name in OUTPUTS]
    topics.append(Topic(prefix + outputs.CUSTOMER_PROFILES, _COMPACTED))
    topics.append(Topic(prefix + DEAD_LETTERS, {}))
    topics.append(Topic(changelog_name(settings), _CHANGELOG))
    topics.append(Topic(prefix + CLOCK_PROBE, _PROBE))
    return topics


async def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing; return their names.

    Raises:
        BrokerUnreachable: no broker answers.
        TopicsUnusable: the broker refuses, or an existing topic has wrong partitions.
    """
    existing = await partition_counts(settings)
    missing = [topic for topic in all_topics(settings) if topic.name not in existing]
    if missing:
        await _create(settings, missing)
    await _until_seen(settings, {topic.name for topic in missing})
    await check_topics(settings)
    return [topic.name for topic in missing]


async def check_topics(settings: Settings) -> dict[str, int]:
    """The partition counts of all our topics, which are checked.

    Raises:
        BrokerUnreachable: no broker answers.
        TopicsUnusable: naming each topic that is missing or has wrong partitions.
    """
    counts = await partition_counts(settings)
    problems = topic_problems(settings, counts)
    if problems:
        raise TopicsUnusable("; ".join(problems))
    return counts


def topic_problems(settings: Settings, counts: dict[str, int]) -> list[str]:
    """One sentence for each problem with the topics."""
    problems = []
    events = topic_name(settings, CUSTOMER_EVENTS)
    expected = counts.get(events, settings.partitions)
    if events in counts and expected != settings.partitions:
        problems.append(
            f"topic {events} has {expected} partitions but TIERSTREAM_PARTITIONS is "
            f"{settings.partitions}"
        )
    for topic in all_topics(settings):
        found = counts.get(topic.name)
        if found is None:
            problems.append(f"topic {topic.name} is missing, run 'tierstream topics create'")
        elif not topic.is_input and found != expected:
            problems.append(
                f"topic {topic.name} has {found} partitions but {events} has {expected}"
            )
    return problems


async def partition_counts(settings: Settings) -> dict[str, int]:
    """The number of partitions of each topic the broker knows.

    Raises:
        BrokerUnreachable: no broker answers within the start-up timeout.
    """
    admin = await open_admin(settings)
    try:
        described = await admin.describe_topics(await admin.list_topics())
    except KafkaError as error:
        raise unreachable(settings, error) from error
    finally:
        await admin.close()
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def _create(settings: Settings, missing: list[Topic]) -> None:
    admin = await open_admin(settings)
    try:
        response = await admin.create_topics(
            [
                NewTopic(
                    topic.name,
                    settings.partitions,
                    settings.replication_factor,
                    topic_configs={**topic.config, **_durable(settings)},
                )
                for topic in missing
            ],
            timeout_ms=settings.startup_timeout.ms,
        )
    except TopicAlreadyExistsError:
        return  # somebody else is creating them too
    except KafkaError as error:
        raise TopicsUnusable(f"the broker refused to create topics: {error}") from error
    finally:
        await admin.close()
    for name, code, *rest in response.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            reason = rest[0] if rest and rest[0] else for_code(code).__name__
            raise TopicsUnusable(f"the broker refused to create topic {name}: {reason}")


def _durable(settings: Settings) -> dict[str, str]:
    """Kafka's default would take a record for written that one broker of three has."""
    return {"min.insync.replicas": "2"} if settings.replication_factor > 2 else {}


async def _until_seen(settings: Settings, names: set[str]) -> None:
    """New topics take a moment to be known by every broker."""
    deadline = asyncio.get_running_loop().time() + settings.startup_timeout.ms / 1000
    while names - (await partition_counts(settings)).keys():
        if asyncio.get_running_loop().time() > deadline:
            raise TopicsUnusable(f"topics were created but are not seen: {', '.join(names)}")
        await asyncio.sleep(0.1)


UNROUTABLE: Final[InputTopic] = "orders"
"""Takes what has no type that can be read, so that it becomes a dead letter like any other."""


def topic_for(event_type: object, schema: Schema = SCHEMA) -> InputTopic:
    """The input topic (without the deployment's prefix) of an event type.

    An unknown type, or one that is no text, goes to `UNROUTABLE`; ingest says what is wrong.
    """
    declared = schema.get(event_type) if isinstance(event_type, str) else None
    return UNROUTABLE if declared is None else declared.topic


async def read_configs(
    admin: AIOKafkaAdminClient, topics: Iterable[str]
) -> dict[str, dict[str, str]]:
    """The settings of topics; a topic is left out if we may not read its settings.

    Raises:
        KafkaError: a broker does not answer.
    """
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    found = {}
    for answer in await admin.describe_configs(asked) if asked else ():
        for error_code, _, _, name, entries in answer.resources:
            if error_code == 0:
                found[name] = {entry[0]: entry[1] for entry in entries}
    return found
