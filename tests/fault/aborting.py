"""An upstream that writes in transactions and aborts them: nothing of it may count."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from random import Random

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.fault.traffic import Traffic
from tests.harness.stopwatch import Stopwatch

_PAUSE_S = 1.0
_OPEN_S = 0.5
_TIMEOUT_MS = 10_000
"""So long may a transaction stay open whose producer was cut off from the brokers."""
_STOP_S = 5.0
_REFUSED = (KafkaError, AssertionError)
"""What ends a producer; aiokafka asserts that one which a broker refused for good does nothing."""


class AbortingUpstream:
    """Sends orders of customers there are, and takes all of them back.

    Args:
        bootstrap_servers: the brokers, without proxies.
        prefix: of the topics.
        traffic: whose customers and policy are taken.
        watch: the episode's time.
    """

    def __init__(
        self, bootstrap_servers: str, prefix: str, traffic: Traffic, watch: Stopwatch
    ) -> None:
        self.aborted = 0
        self._servers = bootstrap_servers
        self._topic = f"{prefix}orders"
        self._traffic = traffic
        self._watch = watch
        self._random = Random(f"aborting {prefix}")
        self._id = uuid.uuid4().hex
        self._count = 0

    async def run(self) -> None:
        """Do so until cancelled; brokers may be away."""
        while True:
            with contextlib.suppress(*_REFUSED):
                async with self._producer() as producer:
                    while True:
                        await self._abort_some(producer)
                        await asyncio.sleep(self._random.uniform(0, 2 * _PAUSE_S))
            await asyncio.sleep(_PAUSE_S)

    @contextlib.asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id="aborting",
            transactional_id=self._id,
            transaction_timeout_ms=_TIMEOUT_MS,
        )
        await producer.start()
        try:
            yield producer
        finally:
            with contextlib.suppress(TimeoutError, *_REFUSED):
                await asyncio.wait_for(producer.stop(), _STOP_S)

    async def _abort_some(self, producer: AIOKafkaProducer) -> None:
        await producer.begin_transaction()
        for _ in range(self._random.randint(1, 3)):
            await producer.send(self._topic, self._order(), None, None, self._watch.now_ms)
        await producer.flush()
        await asyncio.sleep(self._random.uniform(0, 2 * _OPEN_S))
        await producer.abort_transaction()
        self.aborted += 1

    def _order(self) -> bytes:
        self._count += 1
        event = {
            "event_id": f"aborted{self._count}",
            "type": "order.placed",
            "customer_id": self._random.choice(self._traffic.customers),
            "occurred_at": self._watch.now_ms,
            "order_id": f"aborted{self._count}",
            "amount": "5000",
            "currency": self._traffic.policy["currency"],
        }
        return json.dumps(event).encode()
