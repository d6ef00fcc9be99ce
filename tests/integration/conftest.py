"""Real servers, started once for the whole run and ended with it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from devtools.servers import (
    Broker,
    BrokerUnavailable,
    RedisServer,
    start_broker,
    start_redis,
)


def skip_without_java(reason: BrokerUnavailable) -> None:
    """Skip here, fail in CI: there Apache Kafka is what the tests are about."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(f"CI needs Apache Kafka: {reason}", pytrace=False)
    pytest.skip(f"no Apache Kafka on this machine: {reason}")


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[Broker]:
    """The broker in memory. Kept for the run: do not kill it, start one of your own for that."""
    with start_broker("embedded") as running:
        yield running


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """Apache Kafka, one node. Kept for the run: do not kill it, start one of your own for that."""
    try:
        # Its cleaner looks for work often, so that tests need not wait for a compaction.
        started = start_broker("kafka", config={"log.cleaner.backoff.ms": "200"})
    except BrokerUnavailable as reason:
        skip_without_java(reason)
        raise  # never reached: the line above ends the test
    with started as running:
        yield running


@pytest.fixture(
    scope="session",
    params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)],
)
def broker(request: pytest.FixtureRequest) -> Broker:
    """Both kinds in turn: a test that asks for it runs on each."""
    running: Broker = request.getfixturevalue(f"{request.param}_broker")
    return running


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of our own, without a password. Kept for the run: do not kill it."""
    with start_redis(own=True) as running:
        yield running


@pytest.fixture
def topic_prefix() -> str:
    """A prefix no other test uses, so that tests can share a broker."""
    return f"t{uuid.uuid4().hex[:12]}."
