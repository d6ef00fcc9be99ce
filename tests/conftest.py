"""What holds for every test: servers, how hard hypothesis searches, who does which test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from devtools.servers import (
    Broker,
    BrokerUnavailable,
    RedisServer,
    start_broker,
    start_redis,
)
from tests.harness.kafka import in_ci, skip_without_java

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# A deadline per example would measure how busy the machine is, not the code.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    derandomize=True,  # a change is judged by the same examples as the one before it
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a long search by hand: HYPOTHESIS_PROFILE=thorough .venv/bin/python -m pytest tests/property
settings.register_profile("thorough", max_examples=5_000, deadline=timedelta(seconds=10))

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if in_ci() else "dev"))


@pytest.hookimpl(optionalhook=True)  # a run in one process needs no pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """`-n 3 --dist loadscope`, which is what `make test` says, keeps servers apart."""
    from tests.support.scheduler import ServersApart

    if config.getoption("dist") != "loadscope":
        return None
    return ServersApart(config, log)


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
