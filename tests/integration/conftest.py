"""A deployment's settings, its API and its view, on servers that all tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from config.settings import Settings
from devtools.servers import Broker, RedisServer, start_redis
from tests.harness.api import Api, TokenBook, View, serving
from tests.harness.view import redis_of, settings_for


@pytest.fixture
def settings(embedded_broker: Broker, redis_server: RedisServer, topic_prefix: str) -> Settings:
    """Those of a deployment of its own; its topics do not exist yet."""
    return settings_for(embedded_broker, redis_server.url, topic_prefix, api_port=0)


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
