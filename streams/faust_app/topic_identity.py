"""The ids of topics, as the brokers tell them.

Since Kafka 2.8 each topic has an id; a topic created anew under the same name gets another one.
Brokers tell it in version 10 of Metadata, which aiokafka does not speak. The request is written
here.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, NoError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v1
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_ID_BYTES = 16
_NO_ID = bytes(_ID_BYTES)
_SHORT_CHARS = 8


class TopicState(NamedTuple):
    """What a broker says of a topic.

    Attributes:
        topic_id: as Kafka's own tools write it; empty where the broker has none.
        partitions: their number.
    """

    topic_id: str
    partitions: int


def short_id(topic_id: str) -> str:
    """Enough of an id to tell it from former ids of the topic; empty for none."""
    return topic_id[:_SHORT_CHARS]


async def fetch_topics(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, TopicState]:
    """The topics of these names that are there.

    Raises:
        KafkaError: no broker answers, or it has no answer about a topic now.
    """
    node_id = client.get_random_node()
    if node_id is None:
        raise KafkaConnectionError("no broker is known")
    answer = await client.send(node_id, TopicsRequest(sorted(names)))
    has_ids = answer.API_VERSION == _TopicsRequestV10.API_VERSION
    found = {}
    for topic in answer.topics:
        error = for_code(topic[0])
        if error is UnknownTopicOrPartitionError:
            continue
        if error is not NoError:
            raise error(topic[1])
        partitions = topic[4] if has_ids else topic[3]
        found[topic[1]] = TopicState(topic[2] if has_ids else "", len(partitions))
    return found


class _TopicId(AbstractType[str]):  # type: ignore[misc]
    """Sixteen bytes, written as Kafka's tools write them; all zero is no id."""

    @classmethod
    def encode(cls, value: str) -> bytes:
        """Only ever none: we ask by name."""
        assert not value
        return _NO_ID

    @classmethod
    def decode(cls, data: BytesIO) -> str:
        raw = data.read(_ID_BYTES)
        if len(raw) != _ID_BYTES:
            raise ValueError("the answer ends within a topic id")
        return "" if raw == _NO_ID else urlsafe_b64encode(raw).decode().rstrip("=")


class _TopicsResponseV10(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _TopicId),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _TopicsRequestV10(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _TopicsResponseV10
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _TopicId), ("topic", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicsRequest(Request[MetadataRequest_v1 | _TopicsRequestV10]):  # type: ignore[misc]
    """Asks for topics by name, for their ids too where the broker has them."""

    API_KEY = 3

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def build(self, request_struct_class: Any) -> Any:
        """The request in the newest version that both sides know."""
        if request_struct_class is MetadataRequest_v1:
            return MetadataRequest_v1(self._names)
        topics: list[tuple[str, str, dict[int, bytes]]] = [("", name, {}) for name in self._names]
        return _TopicsRequestV10(topics, False, False, False, {})
