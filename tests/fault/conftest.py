"""Servers that the tests of faults may break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devtools.servers import RedisServer, start_redis
from tests.fault.rounds import started
from tests.harness.cluster import Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Apache Kafka of one node behind proxies, for all episodes of a module."""
    with started(1) as running:
        yield running


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """A Redis to kill."""
    with start_redis(own=True) as running:
        yield running
