"""Each input topic takes the types of its own rows only, at the ingest and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from handlers.decode.decode import Limits
from handlers.events import SCHEMA
from handlers.reasons import WRONG_TOPIC, Rejection
from streams.ingest.agent import Ingest
from streams.kafka.topics import INPUT_TOPICS
from streams.runtime.metrics import Metrics
from tests.builders import day, edited, erased, order, survey, viewed
from tests.driver import run

LINES = {
    "orders": order("o1", "5", day(0)),
    "browse": viewed(day(0)),
    "support": survey(5, day(0)),
    "profiles": erased(day(0)),
}


def read(topic: str, line: bytes) -> Any:
    """What the ingest makes of a line in a topic of this deployment."""
    ingest = Ingest.__new__(Ingest)
    ingest._rules, ingest._limits, ingest._metrics = None, Limits(), Metrics()
    ingest._labels = {f"shop.{name}": name for name in INPUT_TOPICS}
    record = SimpleNamespace(value=line, key=None, offset=0, timestamp=0, headers=())
    return ingest._read(cast(Any, record), TP(f"shop.{topic}", 0))


@pytest.mark.parametrize("topic", INPUT_TOPICS)
@pytest.mark.parametrize("home", INPUT_TOPICS)
def test_a_type_is_taken_in_its_own_topic_only(topic: str, home: str) -> None:
    for line in (LINES[home], edited(LINES[home], odd=1.5)):
        found = read(topic, line)
        if topic == home:
            assert found.customer_id == "ana"
        else:
            assert isinstance(found, Rejection)
            assert found.reason == WRONG_TOPIC
            assert found.detail.endswith(f"belongs in the topic {home}, this is {topic}")
            assert found.event_id is not None


def test_every_type_has_a_topic() -> None:
    assert {declared.topic for declared in SCHEMA.values()} == set(INPUT_TOPICS)


def test_a_file_has_all_types() -> None:
    assert run([*LINES.values()]).report.dead_letters == {}
