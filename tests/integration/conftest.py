"""A deployment's settings, its API and its view, on servers that all tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from config.settings import Settings
from devtools.servers import Broker, RedisServer, start_redis
from streams.kafka.topics import create_topics
from tests.harness.api import Api, TokenBook, View, serving
from tests.harness.view import redis_of, settings_for


@pytest.fixture
def settings(embedded_broker: Broker, redis_server: RedisServer, topic_prefix: str) -> Settings:
    """Those of a deployment of its own; its topics do not exist yet."""
    return settings_for(embedded_broker, redis_server.url, topic_prefix)


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    """A client of the view's Redis."""
    async with redis_of(settings) as client:
        yield client


@pytest.fixture
async def view(redis: Redis, settings: Settings) -> View:
    """The view, to be written without a projector."""
    return View(redis, settings)


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    """The API in a task of the test."""
    async with serving(settings) as running:
        yield running


@pytest.fixture
def book(tmp_path: Path) -> TokenBook:
    """A token file."""
    return TokenBook(tmp_path / "tokens.toml")


@pytest.fixture(scope="module", params=["single", "cluster"])
def own_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server of the module's own: it is emptied again and again.

    In a cluster it refuses scripts and commands whose keys are not in one slot.
    """
    with start_redis(own=True, cluster=request.param == "cluster") as server:
        yield server.url


@pytest.fixture
def settings_of_environment(
    embedded_broker: Broker,
    topic_prefix: str,
    no_settings: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Those of a deployment of its own whose topics exist, in this process's environment too."""
    values = {
        "kafka_bootstrap_servers": embedded_broker.bootstrap_servers,
        "topic_prefix": topic_prefix,
        "app_id": f"{topic_prefix}app",
        "partitions": "2",
        "producer_idempotence": "false",
        "startup_timeout": "5s",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"TIERSTREAM_{name.upper()}", value)
    found = Settings()
    asyncio.run(create_topics(found))
    return found
