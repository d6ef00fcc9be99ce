"""Records as long as Kafka takes them: a dead letter that fits, and the stream goes on."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from devtools.servers import Broker
from streams.kafka.clients import open_admin
from tests.builders import order
from tests.harness.deployment import EXAMPLE, Deployment, Message, TopicPosition
from tests.integration.audit import data_of, source_of
from tests.integration.test_dead_letter_replay import said

_LIVE: dict[str, Any] = {
    "mode": "live",
    "tick_interval": "1m",
    "partitions": 1,
    "breaker_in_a_row": 0,
    "breaker_share": 0,
}
_AT = "2025-01-01T12:00:00Z"
_10_MIB = 10 * 1024 * 1024


def placed(customer_id: str, key: bytes, **fields: Any) -> Message:
    """An order of somebody of its own."""
    value = order(f"order-of-{customer_id}", "120.00", _AT, customer_id, **fields)
    return Message("orders", value, key, 0)


def with_attributes(customer_id: str, currency: str) -> Message:
    """An order as a CloudEvent with 950 attributes of a kilobyte."""
    attributes = {"specversion": "1.0", "id": f"e-{customer_id}", "type": "order.placed"}
    attributes |= {"source": "/shop", "subject": customer_id, "time": _AT}
    headers = [(f"ce_x{number}", b"h" * 1_000) for number in range(950)]
    headers += [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    data = {"order_id": f"order-of-{customer_id}", "amount": "120.00", "currency": currency}
    return Message("orders", json.dumps(data).encode(), b"k", 0, None, tuple(headers))


BEYOND_DEFAULTS = Message("browse", b"x" * 1_048_300, b"k" * 100, 0)
"""Within Kafka's defaults for itself, not with the headers of a dead letter."""
FIVE_MB = Message("orders", b"x" * 5_000_000, b"k", 0)
LONG_KEY = placed("long-key", b"k" * 900_000, currency="EUR")
ATTRIBUTES = with_attributes("attributes", "EUR")
BAD = [BEYOND_DEFAULTS, FIVE_MB, LONG_KEY, ATTRIBUTES]
GOOD = [
    placed("good-key", b"k" * 900_000),
    placed("good-longer-key", b"k" * 3_000_000),
    with_attributes("good-attributes", "USD"),
    placed("after", b"k"),
]


async def send(deployment: Deployment, messages: list[Message]) -> list[TopicPosition]:
    """As a producer that is set up for long records."""
    async with AIOKafkaProducer(
        bootstrap_servers=deployment.settings.kafka_bootstrap_servers, max_request_size=_10_MIB
    ) as producer:
        found = []
        for message in messages:
            topic = deployment.topic(message.topic)
            sent = await producer.send_and_wait(
                topic, message.value, message.key, 0, headers=list(message.headers)
            )
            found.append(TopicPosition(topic, 0, sent.offset))
            deployment._note_sent(message, found[-1])
        return found


async def allow_long_records(deployment: Deployment) -> None:
    """Let upstream's topic take 10 MiB; ours stay as they are."""
    limit = {"max.message.bytes": str(_10_MIB)}
    admin = await open_admin(deployment.settings)
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, deployment.topic("orders"), limit)
        await admin.alter_configs([resource])
    finally:
        await admin.close()


async def remove(deployment: Deployment, tp: TopicPartition, before: int) -> None:
    """Remove records of a partition, as its retention would."""
    admin = await open_admin(deployment.settings)
    try:
        await admin.delete_records({tp: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def letters(deployment: Deployment) -> dict[TopicPosition, ConsumerRecord]:
    [records] = await deployment.read("dead-letters")
    return {source_of(record): record for record in records}


def check(letter: ConsumerRecord, message: Message, reason: str) -> None:
    """It has the reason, the first 256 KiB, and size and digest of all."""
    headers = dict(reversed(letter.headers))
    assert headers["reason"].decode() == reason
    whole = (message.key or b"") + (message.value or b"")
    assert (letter.key or b"") + (letter.value or b"") == whole[: 256 * 1024]
    assert headers["original-size"] == str(len(whole)).encode()
    assert headers["original-sha256"] == sha256(whole).hexdigest().encode()


@pytest.mark.kafka
async def test_the_longest_records_become_letters_that_fit_and_are_replayed_from_their_source(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(kafka_broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        await allow_long_records(deployment)
        positions = await send(deployment, BAD + GOOD)
        worker = await deployment.ready_worker()
        await deployment.drained()
        assert worker.value("events_total", outcome="accepted") == len(GOOD)
        assert worker.value("events_total", outcome="dead_letter") == len(BAD)

        found = await letters(deployment)
        beyond, five_mb, long_key, attributes = (found[position] for position in positions[:4])
        check(beyond, BEYOND_DEFAULTS, "too_large")
        check(five_mb, FIVE_MB, "too_large")
        check(long_key, LONG_KEY, "unknown_currency")
        assert (attributes.key, attributes.value) == (ATTRIBUTES.key, ATTRIBUTES.value)
        kept = [pair for pair in attributes.headers if pair[0].startswith("ce_")]
        left_out = len(ATTRIBUTES.headers) - len(kept)
        assert dict(attributes.headers)["attributes-left-out"] == str(left_out).encode()
        listed = deployment.run("dead-letters", "list").stdout
        assert "(the first bytes of 5,000,001)" in listed
        assert f"({left_out} attributes left out)" in listed

        text = (EXAMPLE / "policy.toml").read_text().replace('# EUR = "1.08"', 'EUR = "1.08"')
        (policy := tmp_path / "with-euros.toml").write_text(text)
        assert deployment.run("policy", "publish", str(policy)).returncode == 0
        topic = deployment.topic("orders")
        await deployment.drained()
        told = said(deployment.run("dead-letters", "replay"))
        assert told[:4] == [
            "2 dead letters sent again",
            f"2 {topic}",
            "2 not sent",
            "2 would be refused again: too_large",
        ]
        [records] = await deployment.read("orders")
        for record, message in zip(records[-2:], (LONG_KEY, ATTRIBUTES), strict=True):
            assert (record.key, record.value) == (message.key, message.value)
            assert record.headers[:-1] == message.headers
        await deployment._committed({TopicPartition(topic, 0): records[-1].offset + 1})
        await deployment.drained()
        assert worker.value("events_total", outcome="accepted") == len(GOOD) + 2
        [changes] = await deployment.read("tier-changes")
        assert {"long-key", "attributes"} <= {data_of(r.value)["customer_id"] for r in changes}

        await remove(deployment, TopicPartition(topic, 0), records[-2].offset)
        gone = said(deployment.run("dead-letters", "replay", "--reason", "unknown_currency"))
        assert gone[2:] == ["2 hold only a part, and their topic no longer has the rest"]
        assert worker.stop() == 0
        assert worker.complaints == []
