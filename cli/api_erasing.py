"""Erasures that the API asks for."""

from __future__ import annotations

import msgspec
from aiokafka.errors import KafkaError

from cli.erase.erase import erase
from config.environment import Settings
from serving.api.given import Erase, KafkaUnavailable
from streams.faust_app.producer import ProduceFailed
from streams.kafka.topics import BrokerUnreachable, TopicsUnusable


def erasing_with(settings: Settings) -> Erase:
    """What writes an erasure and does not wait for what becomes of it."""

    async def ask(customer_id: str) -> bytes:
        try:
            return msgspec.json.encode(await erase(settings, customer_id, wait_s=0))
        except (BrokerUnreachable, TopicsUnusable, ProduceFailed, KafkaError) as error:
            raise KafkaUnavailable(str(error) or type(error).__name__) from error

    return ask
