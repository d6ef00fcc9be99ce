"""Customers of different partitions become one, and dumps of both say how."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from devtools.servers import Broker
from handlers.outputs import CUSTOMER_PROFILES
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, OUTPUTS
from tests.harness.deployment import Deployment, Message
from tests.harness.flow import Router
from tests.integration.audit import audit, data_of, source_of
from tests.support.histories import History, random_policy

_MINUTE_MS = 60_000
_BEGAN_MS = 1_735_725_600_000
"""2025-01-01T10:00:00Z."""
_TOPICS = {"order": "orders", "customer": "profiles", "page": "browse", "consent": "profiles"}


class Teller:
    """Tells events a minute apart from each other, as upstream would."""

    def __init__(self) -> None:
        self._count = 0

    def tell(self, kind: str, customer_id: str, **fields: Any) -> Message:
        """One event."""
        self._count += 1
        at_ms = _BEGAN_MS + self._count * _MINUTE_MS
        event = {
            "event_id": f"e{self._count}",
            "type": kind,
            "customer_id": customer_id,
            "occurred_at": at_ms,
            **fields,
        }
        topic, value = _TOPICS[kind.partition(".")[0]], json.dumps(event).encode()
        return Message(topic, value, customer_id.encode(), timestamp_ms=at_ms)

    def order(self, customer_id: str, order_id: str) -> Message:
        """An order of 100.00."""
        return self.tell(
            "order.placed", customer_id, order_id=order_id, amount="100.00", currency="USD"
        )

    def merge(self, customer_id: str, into: str) -> Message:
        """A merge."""
        return self.tell("customer.merged", customer_id, into=into)


def apart(partitions: int, count: int) -> list[str]:
    """Ids of customers, each in another partition than the one before."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        name = f"p{number}"
        there = partition_of(name.encode(), partitions)
        if not found or there != partition_of(found[-1].encode(), partitions):
            found.append(name)
    return found


async def told(deployment: Deployment, *messages: Message) -> None:
    """Send, and wait until all that follows is done."""
    await deployment.send(messages)
    await deployment.drained()


@pytest.mark.slow
async def test_orders_of_two_partitions_count_for_the_one_who_stays(
    broker: Broker, tmp_path: Path
) -> None:
    tell = Teller()
    with Deployment(broker, tmp_path) as deployment:
        await deployment.create_topics()
        workers = [await deployment.ready_worker(), await deployment.ready_worker()]
        old, new, _ = apart(deployment.settings.partitions, 3)
        await told(deployment, tell.order(old, "o1"), tell.order(old, "o2"), tell.order(new, "o3"))
        await told(deployment, tell.tell("consent.changed", old, marketing=False))
        await told(deployment, tell.merge(old, new))
        await told(deployment, tell.order(old, "o4"), tell.order(old, "o1"))
        explained = deployment.run("explain", old)
        for worker in workers:
            assert worker.stop() == 0
            assert worker.complaints == []

        profiles = await newest_profiles(deployment)
        assert profiles[old] is None
        profile = profiles[new]
        assert profile is not None
        assert (profile["orders_ever"], profile["monetary"]) == (4, "400.00")
        assert profile["marketing_consent"] is False
        assert explained.returncode == 0
        assert new in explained.stdout
        await check_by_command(deployment, tmp_path)
        await audit(deployment)


async def test_merges_that_cannot_be_are_dead_letters_and_lose_nobody(
    broker: Broker, tmp_path: Path
) -> None:
    """Each half of a circle looks right in its partition; of one erased the other knows nothing."""
    tell = Teller()
    with Deployment(broker, tmp_path) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        one, other, gone = apart(deployment.settings.partitions, 3)
        await told(deployment, tell.order(one, "o1"), tell.order(other, "o2"))
        await told(deployment, tell.tell("customer.erased", gone))
        refused = [tell.merge(other, gone), tell.merge(one, one)]
        await told(deployment, *refused, tell.order(other, "o3"))
        circle = [tell.merge(one, other), tell.merge(other, one)]
        await told(deployment, *circle, tell.order(one, "o4"), tell.order(other, "o5"))
        assert worker.stop() == 0
        assert worker.complaints == []

        letters = [letter for part in await deployment.read(DEAD_LETTERS) for letter in part]
        by_source = {source_of(letter): dict(letter.headers) for letter in letters}
        sent = {value: position for position, value in deployment.sent.items()}
        for message in refused:
            assert by_source[sent[message.value]]["reason"] == b"invalid_value"
        profiles = await newest_profiles(deployment)
        there = [found for name in (one, other) if (found := profiles[name]) is not None]
        # Which of the two merges holds, or whether none does, is a matter of who comes first.
        assert (
            len(there)
            == len(letters) - len(refused)
            == sum(m.value in _values(letters) for m in circle)
        )
        assert sum(profile["orders_ever"] for profile in there) == 5
        await audit(deployment)


@pytest.mark.slow
async def test_a_history_with_merges_is_what_the_dumps_give(broker: Broker, tmp_path: Path) -> None:
    random = Random(1 if broker.kind == "embedded" else 2)
    with Deployment(broker, tmp_path, policy=random_policy(random)) as deployment:
        await deployment.create_topics()
        workers = [await deployment.ready_worker(), await deployment.ready_worker()]
        history = History(random, customers=40, days=60, merges=True)
        await deployment.send(Router().messages(history.lines(1_500)))
        await deployment.drained()
        for worker in workers:
            assert worker.stop() == 0
            assert worker.complaints == []

        found = await audit(deployment)
        assert found.outputs > 200
        assert found.repeated == 0
        await check_by_command(deployment, tmp_path)
        log = await deployment.read(CUSTOMER_EVENTS)
        passed = [dict(record.headers) for part in log for record in part]
        passed = [headers for headers in passed if "onward" in headers]
        kinds = {json.loads(headers["onward"])["type"] for headers in passed}
        assert kinds == {"customer.transferred", "customer.followed"}
        assert len(passed) > 50


def _values(letters: Iterable[Any]) -> set[bytes | None]:
    return {letter.value for letter in letters}


async def newest_profiles(deployment: Deployment) -> Mapping[str, dict[str, Any] | None]:
    """The newest profile of each customer; None where it is empty."""
    return {
        record.key.decode(): None if record.value is None else data_of(record.value)
        for part in await deployment.read(CUSTOMER_PROFILES)
        for record in part
    }


async def check_by_command(deployment: Deployment, folder: Path) -> None:
    """`tierstream dump` and `backtest`, for each partition, give the bytes of the topics."""
    for number in range(deployment.settings.partitions):
        dumped, out = folder / f"partition-{number}.jsonl", folder / f"backtest-{number}"
        assert deployment.run("dump", str(number), "--out", str(dumped)).returncode == 0
        assert deployment.run("backtest", str(dumped), "--out", str(out)).returncode == 0
        for topic in OUTPUTS:
            records = (await deployment.read(topic))[number]
            expected = b"".join(record.value + b"\n" for record in records)
            assert (out / f"{topic}.jsonl").read_bytes() == expected
