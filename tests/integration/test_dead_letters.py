"""Every reason of bad input, sent through the real path; the good events around it go on."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from devtools.servers import Broker
from scoring.timestamps import rfc3339
from streams.kafka.topics import INPUT_TOPICS
from tests.builders import activity, order, survey, viewed
from tests.fault.bad_records import bad_records, groundwork, odd_records
from tests.harness.deployment import Deployment, Message
from tests.integration.audit import audit, data_of
from tests.integration.letters import check_letter, letters_by_source, message_of

_LIVE: dict[str, Any] = {
    "mode": "live",
    "tick_interval": "1m",
    "min_event_time": "1980-01-01T00:00:00Z",  # not the default
    # All of them come in a row.
    "breaker_in_a_row": 0,
    "breaker_share": 0,
}


async def test_each_bad_input_becomes_a_dead_letter_and_the_rest_goes_on(
    broker: Broker, tmp_path: Path
) -> None:
    now = rfc3339(time.time_ns() // 1_000_000)
    before = [Message(topic, value, None, 0) for topic, value in groundwork(now)]
    order_known, erasure = before
    again = [order_known, order_known, erasure]
    bad = bad_records(at=now)
    bad_messages = [message_of(one, number) for number, one in enumerate(bad)]
    odd = [message_of(one, number) for number, one in enumerate(odd_records(at=now), len(bad))]
    old = "1985-01-01T00:00:00Z"
    lines = {
        "orders": order("after", "5", old, "late-comer"),
        "browse": viewed(old, "late-comer"),
        "support": survey(5, old, "late-comer"),
        "profiles": activity("visit", old, "late-comer"),
    }
    after = [Message(topic, lines[topic], None, 0) for topic in INPUT_TOPICS]
    with Deployment(broker, tmp_path, **_LIVE) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        await deployment.send(before)
        await deployment.drained()
        positions = await deployment.send(bad_messages)
        await deployment.send(odd + again + after)
        await deployment.drained()

        letters, repeated = letters_by_source(await deployment.read("dead-letters"))
        assert repeated == 0
        assert letters.keys() == set(positions)
        for one, message, position in zip(bad, bad_messages, positions, strict=True):
            check_letter(letters[position], one, message)

        outcomes = {
            outcome: worker.value("events_total", outcome=outcome)
            for outcome in ("accepted", "duplicate", "dead_letter", "skipped_replay")
        }
        assert outcomes == {
            "accepted": len(before) + len(odd) + len(after) + 1,  # a repeated erasure is accepted
            "duplicate": 2,
            "dead_letter": len(bad),
            "skipped_replay": 0,
        }
        for reason, count in Counter(one.reason for one in bad).items():
            assert worker.value("dead_letters_total", reason=reason) == count
        for topic, count in Counter(one.topic for one in bad).items():
            assert worker.value("dead_letters_total", source=topic) == count
        assert worker.stop() == 0
        assert worker.complaints == []
        await audit(deployment)


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
        Message("orders", order("o1", "120.00", at["time"], "native", event_id="e1")),
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
