"""The worked example through the Faust app: what the page says comes out of Kafka."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from devtools.servers import Broker
from tests.harness.deployment import EXAMPLE, Deployment, Message
from tests.integration.audit import audit, data_of, source_of
from tests.integration.test_upstream_keys import input_topic

pytestmark = pytest.mark.always

# The clock is five minutes behind the newest event: this one lets it reach the end of the example.
_LATER = {
    "event_id": "later",
    "type": "page.viewed",
    "customer_id": "zoe",
    "occurred_at": "2026-01-01T00:05:00Z",
}
_END = date(2026, 1, 1)
_SENT_MS = 1_700_000_000_000


def expected(name: str) -> list[dict[str, Any]]:
    """One of the example's expected files."""
    text = (EXAMPLE / "expected" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
async def test_the_app_gives_what_the_worked_example_says(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    lines = (EXAMPLE / "events.jsonl").read_bytes().splitlines()
    lines.append(json.dumps(_LATER).encode())
    with Deployment(embedded_broker, tmp_path, partitions=1) as deployment:
        await deployment.create_topics()
        # Each on its topic; by their timestamps they arrive in this very order.
        sent = await deployment.send(
            Message(input_topic(line), line, timestamp_ms=_SENT_MS + number)
            for number, line in enumerate(lines)
        )
        worker = await deployment.ready_worker()
        await deployment.drained()
        assert worker.stop() == 0
        assert worker.complaints == []

        for name in ("tier-changes", "dormancy-alerts"):
            (records,) = await deployment.read(name)
            outputs = [json.loads(record.value) for record in records]
            found = [{"type": output["type"], **output["data"]} for output in outputs]
            assert _named(found, expected(f"{name}.jsonl")) == expected(f"{name}.jsonl")

        (letters,) = await deployment.read("dead-letters")
        line_of = {position: number for number, position in enumerate(sent, 1)}
        told = [
            ({name: text.decode() for name, text in letter.headers}, source_of(letter))
            for letter in letters
        ]
        rejected = [
            {
                "reason": letter["reason"],
                "event_id": letter.get("event-id"),
                "line": line_of[source],
            }
            for letter, source in told
        ]
        assert sorted(rejected, key=lambda row: row["line"]) == expected("dead-letters.jsonl")

        (profiles,) = await deployment.read("customer-profiles")
        newest = {record.key.decode(): record.value for record in profiles}
        assert newest.pop("cai") is None, "an erased customer's profile is withdrawn"
        newest.pop("zoe")
        rows = [_as_of_the_end(data_of(newest[customer_id])) for customer_id in sorted(newest)]
        assert _named(rows, expected("customer-profiles.jsonl")) == expected(
            "customer-profiles.jsonl"
        )
        await audit(deployment)


def _named(rows: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each row the fields that the expected one has."""
    return [{name: row[name] for name in want} for row, want in zip(rows, wanted, strict=True)]


def _as_of_the_end(profile: dict[str, Any]) -> dict[str, Any]:
    """A profile is written when something changes; until then only its recency goes on."""
    if profile["recency_days"] is not None:
        written = date.fromisoformat(profile["as_of"][:10])
        profile["recency_days"] += (_END - written).days
    return profile
