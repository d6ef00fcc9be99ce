"""The ids of topics, for the positions of streams."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiokafka.client import AIOKafkaClient

from streams.faust_app.topic_identity import describe_topics


async def topic_ids(client: AIOKafkaClient, names: Collection[str]) -> Mapping[str, str]:
    """The id of each topic that is there; empty where the brokers have none.

    Raises:
        KafkaError: no broker answers.
    """
    found = await describe_topics(client, names)
    return {name: state.topic_id for name, state in found.items()}
