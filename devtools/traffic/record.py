"""Events as records of the input topics: time of arrival, topic, key and bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from handlers.decode.schema import InputTopic
from scoring.timestamps import rfc3339
from streams.kafka.topics import topic_for

# Exact in size: what orjson returns keeps its whole buffer, 4 KB an event where many are held.
encode_json = msgspec.json.Encoder().encode

Event = dict[str, Any]
"""A native event: the JSON object of the input topics, with its fields in the order they print."""


class Draft(NamedTuple):
    """An event that will happen at `at_ms` (epoch milliseconds), before it has an id.

    `fields` are those beside the common ones.
    """

    at_ms: int
    type: str
    customer_id: str
    fields: dict[str, Any]


class TrafficRecord(NamedTuple):
    """A record of an input topic.

    `at_ms` (epoch milliseconds) is when it arrives, and becomes the record's timestamp. It is the
    event's own time, except for an event that arrives late. `topic` has no prefix yet; `key` is the
    customer id in UTF-8, or None where there is none to read.
    """

    at_ms: int
    topic: InputTopic
    key: bytes | None
    value: bytes


def event_of(draft: Draft, event_id: str, occurred_ms: int | None = None) -> Event:
    """The native event of a draft, at the draft's own time unless another is given."""
    at_ms = draft.at_ms if occurred_ms is None else occurred_ms
    return {
        "event_id": event_id,
        "type": draft.type,
        "customer_id": draft.customer_id,
        "occurred_at": rfc3339(at_ms),
        **draft.fields,
    }


def record_of(event: Event, at_ms: int) -> TrafficRecord:
    """The record of a native event that arrives at `at_ms`."""
    return TrafficRecord(
        at_ms, topic_for(event["type"]), event["customer_id"].encode(), encode_json(event)
    )
