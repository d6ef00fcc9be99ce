"""What the settings of a topic must be for Tierstream to keep its promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from config.settings import Settings
from handlers import outputs
from streams.kafka.clients import LARGEST_BATCH_BYTES
from streams.kafka.topics import (
    CLOCK_PROBE,
    DEAD_LETTERS,
    FOR_EVER,
    TIMESTAMP_TYPE,
    Topic,
    topic_name,
)

_DAY_MS = 86_400_000
_WEEK_MS = str(7 * _DAY_MS)
_WITHOUT_BOUND = str(2**63 - 1)
_BEFORE, _AFTER = "message.timestamp.before.max.ms", "message.timestamp.after.max.ms"
_DIFFERENCE = "message.timestamp.difference.max.ms"  # both in one, before Kafka 3.6
_AWAY_MS = "86400000"
"""For how long a worker or a consumer may be away before something is gone."""
_UNDERWAY_MS = 600_000
"""For how long a record of ours may be under way to a broker."""

_COMPACTED_AWAY = "a newer record of a customer removes the older ones before they were read"
_GONE_EARLY = "records are removed while they are still needed"


class Demand(NamedTuple):
    """What one setting of a topic must be.

    Attributes:
        setting: its name.
        value: what it must be, or the bound.
        kind: how the value is meant. Without a bound (-1, or 2^63 - 1) every lower bound is met.
        harm: what happens otherwise; goes on after "so".
        default: what Kafka takes where a broker does not tell it; None leaves it out.
    """

    setting: str
    value: str
    kind: Literal["exactly", "at least", "at most"]
    harm: str
    default: str | None = None

    def is_met_by(self, actual: str) -> bool:
        """Whether a topic with this value is right."""
        if self.kind == "exactly":
            return actual == self.value
        if FOR_EVER in (actual, self.value):
            return actual == FOR_EVER if self.kind == "at least" else actual == self.value
        if self.kind == "at least":
            return int(actual) >= int(self.value)
        return int(actual) <= int(self.value)

    def __str__(self) -> str:
        return self.value if self.kind == "exactly" else f"{self.kind} {self.value}"


def demands_on(
    settings: Settings, topic: Topic, copies: int, configs: Mapping[str, Mapping[str, str]]
) -> Iterator[Demand]:
    """Everything that the settings of a topic must be.

    Args:
        settings: of the deployment.
        topic: one of ours.
        copies: replicas of its partitions.
        configs: the settings of all topics, as the brokers tell them.
    """
    if topic.name == topic_name(settings, CLOCK_PROBE):
        yield from _of_probe()
        return
    if topic.config.get("cleanup.policy") == "compact":
        yield from _of_compacted(settings, topic)
    else:
        yield Demand("cleanup.policy", "delete", "exactly", _COMPACTED_AWAY, "delete")
        yield from _of_retention(topic)
    yield from _of_inputs(settings, configs) if topic.is_input else _of_ours(settings, copies)


def _of_probe() -> Iterator[Demand]:
    refused = "Kafka refuses its records, and no worker starts"
    yield Demand("cleanup.policy", "delete", "exactly", refused, "delete")
    for setting, value in TIMESTAMP_TYPE.items():
        yield Demand(setting, value, "exactly", "no worker can compare its clock and start")


def _of_compacted(settings: Settings, topic: Topic) -> Iterator[Demand]:
    yield Demand(
        "cleanup.policy",
        "compact",
        "exactly",
        "the newest record of a customer who is quiet for long is removed by its age",
        "delete",
    )
    config = topic.config
    yield Demand(
        "max.compaction.lag.ms",
        config["max.compaction.lag.ms"],
        "at most",
        "records behind the marker of an erased customer may stay for ever",
        _WITHOUT_BOUND,
    )
    if "min.compaction.lag.ms" in config:
        yield Demand(
            "min.compaction.lag.ms",
            config["min.compaction.lag.ms"],
            "at least",
            "a state may be gone before it is compared with that of a former owner",
            "0",
        )
    if topic.name == topic_name(settings, outputs.CUSTOMER_PROFILES):
        yield Demand(
            "delete.retention.ms",
            _AWAY_MS,
            "at least",
            "a projector that was away may miss that a customer was erased",
        )


def _of_retention(topic: Topic) -> Iterator[Demand]:
    wanted_ms = topic.config.get("retention.ms")
    if topic.is_input:
        harm = "a worker that is away for longer loses events"
        yield Demand("retention.ms", _AWAY_MS, "at least", harm, _WEEK_MS)
        return
    if wanted_ms is None:
        harm = "a consumer that is away for longer loses records"
        yield Demand("retention.ms", _AWAY_MS, "at least", harm, _WEEK_MS)
        return
    yield Demand("retention.ms", wanted_ms, "at least", _GONE_EARLY, _WEEK_MS)
    yield Demand("retention.bytes", FOR_EVER, "exactly", _GONE_EARLY, FOR_EVER)


def _of_inputs(settings: Settings, configs: Mapping[str, Mapping[str, str]]) -> Iterator[Demand]:
    """Of topics that others write: workers read them, and dead letters are replayed into them."""
    if settings.mode == "replay":
        harm = "a worker in mode replay merges events by the time of their arrival"
        yield Demand("message.timestamp.type", "CreateTime", "exactly", harm)
    kept_ms = configs.get(topic_name(settings, DEAD_LETTERS), {}).get("retention.ms", _WEEK_MS)
    replayed_ms = _WITHOUT_BOUND if kept_ms == FOR_EVER else kept_ms
    harm = "dead letters of events that are older cannot be replayed"
    for setting in (_BEFORE, _DIFFERENCE):
        yield Demand(setting, replayed_ms, "at least", harm)


def _of_ours(settings: Settings, copies: int) -> Iterator[Demand]:
    yield Demand(
        "max.message.bytes",
        str(LARGEST_BATCH_BYTES),
        "at least",
        "Kafka may refuse what a worker writes, and the worker stops",
    )
    harm = "Kafka refuses what a worker writes after a short delay, and the worker stops"
    for setting in (_BEFORE, _AFTER, _DIFFERENCE):
        away_ms = max(_UNDERWAY_MS, 2 * settings.max_clock_error.ms)
        yield Demand(setting, str(away_ms), "at least", harm)
    refuses = "Kafka refuses every write: there are fewer copies"
    yield Demand("min.insync.replicas", str(copies), "at most", refuses)
    if copies > 2:
        harm = "what only one broker has counts as written, and is lost with it"
        yield Demand("min.insync.replicas", "2", "at least", harm)
