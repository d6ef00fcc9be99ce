"""`tierstream explain` reads a customer's state from Kafka as a worker wrote it."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from config.settings import Settings
from devtools.servers.ports import free_ports
from handlers.state.partition_state import pack_meta
from streams.kafka.clients import new_producer
from streams.kafka.headers import META_KEY
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import changelog_name
from tests.builders import day, erased, merged, order, viewed
from tests.driver import Driver

PARTITIONS = 2


@pytest.fixture
def settings(settings_of_environment: Settings) -> Settings:
    return settings_of_environment


def explain(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["explain", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


async def flush(settings: Settings, driver: Driver) -> None:
    """Write a partition's state as a worker does: customers first, then the checkpoint."""
    producer = new_producer(settings, "test")
    await producer.start()
    try:
        changelog = changelog_name(settings)
        packed = driver.partition.store.pack_changed(epoch=1)
        driver.partition.meta.epoch = 1
        driver.partition.meta.applied = max(
            driver.partition.store.applied(customer_id) for customer_id, _ in packed
        )
        for customer_id, state in packed:
            number = partition_of(customer_id.encode(), PARTITIONS)
            producer.add(changelog, number, customer_id.encode(), state)
        for number in range(PARTITIONS):
            producer.add(changelog, number, META_KEY, pack_meta(driver.partition.meta))
        await producer.flush()
    finally:
        await producer.stop()


def test_customer_is_explained_from_the_newest_state_that_was_written(settings: Settings) -> None:
    driver = Driver()
    driver.feed(order("o1", "100", day(0)), viewed(day(0), customer="ben"))
    asyncio.run(flush(settings, driver))
    driver.feed(order("o2", "150", day(2)))
    asyncio.run(flush(settings, driver))
    page = explain("ana")
    assert page.exit_code == 0
    assert "ana: tier B" in page.stdout
    assert "2 orders worth 250.00 USD count in 365 days" in page.stdout
    told = json.loads(explain("ana", "--json").stdout)
    assert told["tier"]["name"] == "B"
    assert [o["order_id"] for o in told["orders"]["in_window"]] == ["o1", "o2"]
    assert told["as_of"] == day(2)
    assert "ben: tier prospect" in explain("ben").stdout


def test_unknown_customer_is_one_sentence_and_a_failure(settings: Settings) -> None:
    driver = Driver()
    driver.feed(viewed(day(0)))
    asyncio.run(flush(settings, driver))
    result = explain("nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no event of customer 'nobody' was accepted so far" in result.stderr


def test_merged_customer_is_told_with_whom_to_ask_for(settings: Settings) -> None:
    driver = Driver()
    driver.feed(order("o1", "100", day(0)), merged("ben o'hara", day(1)))
    asyncio.run(flush(settings, driver))
    result = explain("ana")
    assert result.exit_code == 0
    assert result.stdout.startswith("customer 'ana' was merged into \"ben o'hara\"")
    assert "tierstream explain 'ben o'\"'\"'hara'" in result.stdout
    told = json.loads(explain("ana", "--json").stdout)
    assert told["merged_into"] == "ben o'hara"
    assert told["position"]["applied"] == driver.state().applied
    survivor = explain("ben o'hara").stdout
    assert "worth 100.00 USD" in survivor
    assert "merged into it: ana" in survivor


def test_erased_customer_is_told_as_erased_and_as_nothing_else(settings: Settings) -> None:
    driver = Driver()
    driver.feed(order("o1", "100", day(0)), erased(day(1)))
    asyncio.run(flush(settings, driver))
    result = explain("ana")
    assert result.exit_code == 0
    assert result.stdout.startswith("customer 'ana' was erased")
    assert "100" not in result.stdout
    assert json.loads(explain("ana", "--json").stdout)["erased"] is True


def test_state_that_no_worker_wrote_yet_says_so(settings: Settings) -> None:
    result = explain("ana")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "has no checkpoint yet" in result.stderr


@pytest.mark.parametrize("customer_id", ["", "a\x00b", "x" * 129])
def test_what_is_no_customer_id_is_refused_at_once(customer_id: str) -> None:
    result = explain(customer_id)
    assert result.exit_code == 1
    assert "a customer id has 1 to 128 characters" in result.stderr


def test_absent_broker_is_one_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports()
    monkeypatch.setenv("TIERSTREAM_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{port}")
    result = explain("ana")
    assert result.exit_code == 1
    assert f"no Kafka broker answers at 127.0.0.1:{port}" in result.stderr
    assert "Traceback" not in result.output
