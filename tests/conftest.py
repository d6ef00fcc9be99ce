"""What holds for every test: servers, how hard hypothesis searches, who does which test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from config.build import build
from devtools.servers import (
    Broker,
    BrokerUnavailable,
    RedisServer,
    start_broker,
    start_redis,
)
from tests.harness.kafka import in_ci, skip_without_java
from tests.support.quick import (
    counted,
    group_of,
    not_tried,
    on_kafka_as_well,
    slow_limit_s,
    too_slow,
)

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


_LEFT_OUT = pytest.StashKey[list[tuple[str, str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test` says --quick unless CI=true."""
    parser.addoption("--quick", action="store_true", help="leave out what only CI=true tries")


def pytest_configure(config: pytest.Config) -> None:
    """Room to note what is left out, by this process or by those that it has started."""
    config.stash[_LEFT_OUT] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a quick run does not try, and note it; in CI, what needs one broker only."""
    if build() == "compiled":
        skip_what_needs_plain(items)
    if in_ci():
        repeated = on_kafka_as_well(items)
        items[:] = [item for item in items if item not in repeated]
        return
    if not config.getoption("quick"):
        return
    groups = [(group_of(item), item) for item in items]
    out = [(group, item) for group, item in groups if group is not None]
    config.stash[_LEFT_OUT] = [(group, item.nodeid) for group, item in out]
    config.hook.pytest_deselected(items=[item for _, item in out])
    items[:] = [item for group, item in groups if group is None]


def skip_what_needs_plain(items: list[pytest.Item]) -> None:
    """Tests that replace functions inside the core: compiled code does not look them up anew."""
    for item in items:
        mark = item.get_closest_marker("plain")
        if mark is not None:
            item.add_marker(pytest.mark.skip(reason=f"plain build only: {mark.args[0]}"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of several tells the one that writes the summary."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["left_out"] = session.config.stash[_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """All processes have collected the same tests."""
    told = getattr(node, "workeroutput", {}).get("left_out")
    if told:
        node.config.stash[_LEFT_OUT] = told


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say last what was not tried."""
    left_out = config.stash[_LEFT_OUT]
    for line in not_tried(counted(left_out)):
        terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that people wait for and that takes long is marked `slow`, or fails."""
    report = yield
    if call.when == "call" and report.passed:
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        limit_s = slow_limit_s(in_ci=in_ci(), load=load, cores=cores)
        wrong = too_slow(item, call.duration, limit_s)
        if wrong is not None:
            report.outcome, report.longrepr = "failed", wrong
    return report


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
    """Both kinds in turn: a test that asks for it runs on each (in CI see `on_kafka_as_well`)."""
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


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings of ours, whatever the machine has."""
    for name in [*os.environ]:
        if name.startswith("TIERSTREAM_") or name in {"REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS"}:
            monkeypatch.delenv(name)
