"""`tierstream uplift` on the topics: alerts and the canonical log of all partitions."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from config.policy_file import check_policy
from config.settings import Settings
from handlers.control_records import ClockTick, PolicyActivated, encode_control
from handlers.outputs import DORMANCY_ALERTS
from streams.kafka.clients import new_producer
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMER_EVENTS, topic_name
from tests.builders import day, day_ms, order
from tests.driver import Driver

PARTITIONS = 2
CUSTOMERS = [f"c{number}" for number in range(40)]
BACK = CUSTOMERS[::3]


@pytest.fixture
def settings(settings_of_environment: Settings) -> Settings:
    return settings_of_environment


async def write(settings: Settings, records: list[tuple[str, str | None, bytes]]) -> None:
    """Records as (topic, customer, value); one without a customer goes to every partition."""
    producer = new_producer(settings, "test")
    await producer.start()
    try:
        for topic, customer, value in records:
            name = topic_name(settings, topic)
            if customer is None:
                for number in range(PARTITIONS):
                    producer.add(name, number, None, value)
            else:
                key = customer.encode()
                producer.add(name, partition_of(key, PARTITIONS), key, value)
        await producer.flush()
    finally:
        await producer.stop()


def test_alerts_and_orders_are_read_from_all_partitions(settings: Settings) -> None:
    policy = check_policy({"holdout": {"share": "0.4", "salt": "topics"}})
    driver = Driver(policy)
    events = [order(f"o-{name}", "5", day(0), name) for name in CUSTOMERS]
    events += [order(f"back-{name}", "5", day(100), name) for name in BACK]
    driver.feed(*events)
    alerts = [output for output in driver.outputs if output["topic"] == DORMANCY_ALERTS]
    names = ("topic", "id", "type", "source", "subject", "time")
    records: list[tuple[str, str | None, bytes]] = []
    for alert in alerts:
        data = {name: value for name, value in alert.items() if name not in names}
        value = json.dumps({"type": alert["type"], "data": data}).encode()
        # Each twice, as after a crash.
        records += [(DORMANCY_ALERTS, alert["subject"], value)] * 2
    activated = PolicyActivated("p", "tierstream", "replay", 300_000, policy)
    for line in events:
        records.append((CUSTOMER_EVENTS, json.loads(line)["customer_id"], line))
    records.insert(0, (CUSTOMER_EVENTS, None, encode_control(activated)))
    records.append((CUSTOMER_EVENTS, "c0", b"no event, a dead letter by now"))
    records.append((CUSTOMER_EVENTS, None, encode_control(ClockTick(day_ms(130)))))
    asyncio.run(write(settings, records))

    result = CliRunner().invoke(app, ["uplift", "--json"])

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    held_out = {name for name in CUSTOMERS if driver.profile(name)["holdout"]}
    assert 0 < len(held_out) < len(CUSTOMERS)
    assert (found["observed_until"], found["left_out"]) == (day(130), {})
    for outcome in (found["reactivation"], found["repurchase"]):
        assert outcome["holdout"]["customers"] == len(held_out)
        assert outcome["treated"]["customers"] == len(CUSTOMERS) - len(held_out)
        assert outcome["holdout"]["count"] == len(held_out.intersection(BACK))
        assert outcome["treated"]["count"] == len(set(BACK) - held_out)


def test_without_topics_it_says_so_in_one_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERSTREAM_TOPIC_PREFIX", "nothing-here-")
    result = CliRunner().invoke(app, ["uplift"])
    assert result.exit_code == 1
    sentence = result.stderr.strip()
    assert sentence.startswith("tierstream: topic nothing-here-orders is missing")
    assert len(sentence.splitlines()) == 1
