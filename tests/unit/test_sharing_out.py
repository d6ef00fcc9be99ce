"""How `make test` shares the tests among processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scheduler import KAFKA, ON_APACHE_KAFKA, ON_SERVERS, SERVERS, queue_of

_ROOT = Path(__file__).parents[2]


def test_what_computes_may_run_in_any_process() -> None:
    names = [f"tests/unit/test_settings.py::test_a[{part}]" for part in ("kafka", "redis")]
    assert [queue_of(name) for name in names] == names


def test_a_test_on_both_brokers_stands_in_both_queues() -> None:
    name = "tests/integration/test_ownership.py::test_a"
    assert queue_of(f"{name}[kafka]") == queue_of(f"{name}[kafka-PLAIN]") == KAFKA
    assert queue_of(f"{name}[embedded]") == queue_of(name) == SERVERS


def test_all_tests_on_apache_kafka_stand_in_a_queue(request: pytest.FixtureRequest) -> None:
    """Of those that were collected with this one: in a run of all tests, all."""
    on_kafka = [item for item in request.session.items if item.get_closest_marker("kafka")]
    queues = {item.nodeid: queue_of(item.nodeid) for item in on_kafka}
    assert {name: queue for name, queue in queues.items() if queue == name} == {}


@pytest.mark.parametrize("path", [*ON_APACHE_KAFKA, *ON_SERVERS])
def test_whatever_has_a_queue_is_still_there(path: str) -> None:
    assert (_ROOT / path).exists()
