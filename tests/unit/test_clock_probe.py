"""Each broker that leads a partition of the topic is asked once, and some may not answer."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError
from aiokafka.structs import RecordMetadata

from config.settings import Settings
from streams.kafka.clock_probe import ClockProbe, Reading
from streams.kafka.topics import TopicsUnusable

LEADERS = {0: 7, 1: 9, 2: 7, 3: -1}
"""By partition; the last has none."""


class Producer:
    """As aiokafka's, with brokers that are as late, or as unwilling, as a test says."""

    def __init__(self, ahead_ms: int = 0) -> None:
        self.asked: list[int] = []
        self.failure: dict[int, KafkaError] = {}
        self._ahead_ms = ahead_ms
        cluster = SimpleNamespace(leader_for_partition=self._leader)
        self.client = SimpleNamespace(cluster=cluster)

    async def start(self) -> None:
        """Connect to nothing."""

    async def stop(self) -> None:
        """Nothing is connected."""

    async def partitions_for(self, _topic: str) -> set[int]:
        return set(LEADERS)

    async def send(
        self, topic: str, value: bytes, *, partition: int
    ) -> asyncio.Future[RecordMetadata]:
        assert value == b""
        self.asked.append(partition)
        written: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        failure = self.failure.get(LEADERS[partition])
        if failure is not None:
            written.set_exception(failure)
            return written
        at_ms = time.time_ns() // 1_000_000 + self._ahead_ms
        tp = TopicPartition(topic, partition)
        written.set_result(RecordMetadata(topic, partition, tp, 0, at_ms, 1, 0))
        return written

    def _leader(self, tp: TopicPartition) -> int:
        assert tp.topic == "x.clock-probe"
        return LEADERS[tp.partition]


async def ask(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> list[Reading] | None:
    monkeypatch.setattr("streams.kafka.clock_probe.new_probe_producer", lambda *_: producer)
    probe = ClockProbe(Settings(topic_prefix="x."))
    await probe.start()
    return await probe.ask()


async def test_each_leading_broker_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = Producer()
    readings = await ask(producer, monkeypatch)
    assert readings is not None
    assert [one.broker for one in readings] == [7, 9]
    assert producer.asked == [0, 1]
    assert {one.surely_ahead_ms for one in readings} == {0}


async def test_broker_that_is_ahead_makes_this_clock_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = await ask(Producer(ahead_ms=3_600_000), monkeypatch)
    assert readings is not None
    for one in readings:
        assert one.surely_ahead_ms <= one.ahead_ms + one.waited_ms < -3_500_000


async def test_broker_that_does_not_answer_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = Producer()
    producer.failure[7] = KafkaConnectionError("it is away")
    readings = await ask(producer, monkeypatch)
    assert [one.broker for one in readings or []] == [9]
    producer.failure[9] = KafkaError("so is this")
    assert await ask(producer, monkeypatch) == []


async def test_missing_right_is_one_sentence_with_the_topic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer = Producer()
    producer.failure[9] = TopicAuthorizationFailedError("x.clock-probe")
    with pytest.raises(TopicsUnusable, match=r"may not write to topic x\.clock-probe, by which"):
        await ask(producer, monkeypatch)


@pytest.mark.parametrize(
    ("sent_ms", "waited_ms", "written_ms", "surely_ahead_ms"),
    [
        (1_000, 10, 1_000, 0),
        (1_000, 10, 1_010, 0),
        (1_000, 10, 1_011, -1),
        (1_000, 10, 999, 1),
        (1_000, 600_000, 200_000, 0),
        (900_000, 600_000, 200_000, 700_000),
    ],
)
def test_a_slow_answer_leaves_open_when_the_broker_wrote(
    sent_ms: int, waited_ms: int, written_ms: int, surely_ahead_ms: int
) -> None:
    assert Reading(1, 0.0, sent_ms, waited_ms, written_ms).surely_ahead_ms == surely_ahead_ms
