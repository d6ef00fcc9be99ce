"""Every reason of bad input, sent through the real path; the good events around it go on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from aiokafka import ConsumerRecord

from handlers.reasons import ERASED_CUSTOMER, REASONS
from streams.local import Broker
from streams.topics import INPUTS
from tests.integration.audit import audit, data_of, source_of
from tests.integration.bad_inputs import (
    MIN_EVENT_TIME,
    BadInput,
    bad_inputs,
    good_events,
    order,
)
from tests.integration.deployment import Deployment, Message, TopicPosition

_LIVE: dict[str, Any] = {
    "mode": "live",
    "tick_interval": "1m",
    "min_event_time": MIN_EVENT_TIME,
}


def test_there_is_a_bad_input_for_every_reason() -> None:
    assert {bad.reason for bad in bad_inputs()} == set(REASONS)


async def test_each_bad_input_becomes_a_dead_letter_and_the_rest_goes_on(
    broker: Broker, tmp_path: Path
) -> None:
    before, bad = good_events(), bad_inputs()
    order_known, _, erasure = before
    again = [order_known, order_known, erasure]
    old = {"occurred_at": "1985-01-01T00:00:00Z"}
    after = [
        Message(topic, json.dumps(order(f"after-{topic}", "late-comer") | old).encode(), None, 0)
        for topic in INPUTS
    ]
    with Deployment(broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        await deployment.send(before)
        await deployment.drained()
        positions = await deployment.send([one.message for one in bad])
        await deployment.send(again + after)
        await deployment.drained()

        letters = by_position(await deployment.read("dead-letters"))
        assert letters.keys() == set(positions)
        for one, position in zip(bad, positions, strict=True):
            check_letter(letters[position], one)

        outcomes = {
            outcome: worker.value("events_total", outcome=outcome)
            for outcome in ("accepted", "duplicate", "dead_letter", "skipped_replay")
        }
        assert outcomes == {
            "accepted": len(before) + len(after) + 1,  # a repeated erasure is accepted
            "duplicate": 2,
            "dead_letter": len(bad),
            "skipped_replay": 0,
        }
        for reason, count in Counter(one.reason for one in bad).items():
            assert worker.value("dead_letters_total", reason=reason) == count
        for topic, count in Counter(one.message.topic for one in bad).items():
            assert worker.value("dead_letters_total", source=topic) == count
        assert worker.stop() == 0
        assert worker.complaints == []
        await audit(deployment)


def by_position(partitions: list[list[ConsumerRecord]]) -> dict[TopicPosition, ConsumerRecord]:
    """Dead letters by where the record was; each is there once."""
    letters = [letter for records in partitions for letter in records]
    found = {source_of(letter): letter for letter in letters}
    assert len(found) == len(letters)
    return found


def check_letter(letter: ConsumerRecord, bad: BadInput) -> None:
    """Original bytes and key, and headers that say what it was and why it was refused."""
    headers = dict(letter.headers)
    assert headers["reason"].decode() == bad.reason
    assert letter.key == bad.message.key
    assert letter.value == (None if bad.reason == ERASED_CUSTOMER else bad.message.value)
    assert headers["source-timestamp"] == str(bad.message.timestamp_ms).encode()
    event_id = headers.get("event-id")
    assert (None if event_id is None else event_id.decode()) == bad.event_id
    assert headers["detail"]
    for attribute, value in bad.message.headers:
        assert headers.get(attribute) == value, "a CloudEvent's attributes are part of it"


async def test_cloud_events_of_both_modes_count_like_native_ones(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    data = {"order_id": "o1", "amount": "120.00", "currency": "USD"}
    attributes = {"specversion": "1.0", "id": "cloud-1", "type": "order.placed", "source": "/shop"}
    at = {"time": "2025-01-01T12:00:00Z"}
    structured = {**attributes, **at, "subject": "in-one-piece", "data": data}
    headers = {**attributes, **at, "subject": "in-headers"}
    messages = [
        Message("orders", json.dumps(structured).encode()),
        Message(
            "orders",
            json.dumps(data, indent=1).encode(),
            headers=tuple((f"ce_{name}", value.encode()) for name, value in headers.items()),
        ),
        Message("orders", json.dumps(order("e1", "native", amount="120.00")).encode()),
    ]
    with Deployment(embedded_broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        await deployment.send(messages + messages)
        worker = await deployment.ready_worker()
        await deployment.drained()
        assert worker.value("events_total", outcome="accepted") == 3
        assert worker.value("events_total", outcome="duplicate") == 3
        assert worker.value("events_total", outcome="dead_letter") == 0
        assert worker.stop() == 0

        changes = [data_of(r.value) for part in await deployment.read("tier-changes") for r in part]
        assert {change["customer_id"]: change["caused_by"] for change in changes} == {
            "in-one-piece": ["cloud-1"],
            "in-headers": ["cloud-1"],
            "native": ["e1"],
        }
        assert len({str(change["after"]) for change in changes}) == 1
        await audit(deployment)
