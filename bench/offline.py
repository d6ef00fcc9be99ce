"""The worker's parts without Kafka: what the profile, the core and the memory measurement run."""

from __future__ import annotations

from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from handlers.control_records import PolicyActivated
from handlers.partition import Partition
from handlers.state.formats import NEWEST, RULES
from scoring.policy import Policy
from streams.faust_app import BatchProducer

APP_ID = "bench"
LATENESS_MS = 300_000
_BATCH_MAX_BYTES = 1_000_000


class StoredRecord(NamedTuple):
    """A record as a consumer hands it over."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class OfflineProducer(BatchProducer):
    """Builds real batches and throws them away instead of sending them. Needs a running loop."""

    def __init__(self) -> None:
        super().__init__(lambda: AIOKafkaProducer(acks="all", max_batch_size=_BATCH_MAX_BYTES))
        self._producer = self._open_producer()

    def throw_away(self) -> None:
        """Drop what was added."""
        self._own.clear()
        self.buffered_bytes = 0


def activation(lateness_ms: int = LATENESS_MS) -> PolicyActivated:
    """The first record of a log in live mode."""
    return PolicyActivated(
        "bench", APP_ID, "live", lateness_ms, Policy(), format=NEWEST, rules=RULES
    )


def live_partition() -> Partition:
    """A partition in live mode with the default policy, at position 0."""
    partition = Partition()
    partition.activate(0, activation())
    return partition
