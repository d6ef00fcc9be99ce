"""What the projector makes of the errors of the Kafka client."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
)
from redis.asyncio import Redis

from config.settings import Settings
from serving.projector.health import LoopHealth
from serving.projector.loop import Projection
from serving.projector.metrics import ViewMeter
from serving.projector.sources import ProfilesSource
from serving.view.generations import RedisView
from serving.view.profile_record import ProfileRecord
from serving.view.redis import ViewError


class _Failing(Projection[ProfileRecord]):
    """A projection whose every step ends with an error of the client."""

    def __init__(self, error: KafkaError) -> None:
        health = LoopHealth(lambda: 0.0, 60.0)
        nobody = cast(AIOKafkaConsumer, None), cast(RedisView, None)
        stream = ProfilesSource(Settings(topic_prefix="shop."), cast(Redis, None))
        super().__init__(*nobody, stream, ViewMeter(), health, lambda: 0, asyncio.Event())
        self._error = error

    async def _step(self) -> None:
        raise self._error


@pytest.mark.parametrize("error", [KafkaTimeoutError("20000 ms"), KafkaConnectionError("gone")])
async def test_brokers_that_are_away_are_waited_for(error: KafkaError) -> None:
    await _Failing(error).run_once()


async def test_a_refusal_ends_the_projector_with_a_sentence() -> None:
    with pytest.raises(ViewError, match=r"cannot read shop\.customer-profiles"):
        await _Failing(TopicAuthorizationFailedError()).run_once()
