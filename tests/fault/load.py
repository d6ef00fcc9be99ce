"""The load: sends what `Traffic` makes, at a steady pace, and notes where Kafka put it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.fault.aborting import AbortingUpstream
from tests.fault.drafts import Draft
from tests.fault.evidence import SentRecord
from tests.fault.traffic import Traffic
from tests.harness.stopwatch import Stopwatch

_log = logging.getLogger(__name__)

_STEP_S = 0.1
_ACK_TIMEOUT_MS = 120_000
"""Longer than brokers are ever away, so that every record is acknowledged in the end."""


class Load:
    """Sends records; use it in an `async with` statement, whose end awaits the acknowledgements.

    Args:
        bootstrap_servers: the brokers, without proxies.
        prefix: of the topics.
        traffic: what is sent.
        watch: the episode's time.
        per_s: records a second.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        prefix: str,
        traffic: Traffic,
        watch: Stopwatch,
        per_s: float,
    ) -> None:
        self.traffic = traffic
        self._prefix = prefix
        self._watch = watch
        self._per_s = per_s
        self._sent: list[tuple[Draft, int, float, asyncio.Future[Any]]] = []
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers,
            client_id="load",
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=_ACK_TIMEOUT_MS,
        )
        self._aborting = AbortingUpstream(bootstrap_servers, prefix, traffic, watch)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Load:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.pause()
        finally:
            await self._producer.stop()

    def flow(self) -> None:
        """Begin to send at the pace, and beside it what is aborted."""
        self._tasks = [asyncio.create_task(run()) for run in (self._flow, self._aborting.run)]

    async def pause(self) -> None:
        """Send no more, and wait until Kafka has all of it."""
        for task in self._tasks:
            task.cancel()
        _, *aborting = [*await asyncio.gather(*self._tasks, return_exceptions=True), None]
        self._tasks = []
        assert not any(isinstance(end, Exception) for end in aborting), aborting
        await self._producer.flush()
        _log.info("%s transactions were aborted", self._aborting.aborted)

    async def send(self, drafts: Iterable[Draft]) -> None:
        """Send some records, beside the flow."""
        for draft in drafts:
            now_ms = self._watch.now_ms
            if draft.key is None and draft.value is None:  # the client refuses to send that
                draft = replace(draft, key=b"")
            acked = await self._producer.send(
                self._prefix + draft.topic,
                draft.value,
                draft.key,
                draft.partition,
                now_ms,
                list(draft.headers),
            )
            self._sent.append((draft, now_ms, self._watch.now_s, acked))

    def sent(self) -> list[SentRecord]:
        """Everything sent so far, in order."""
        return [self._told(*entry) for entry in self._sent]

    def _told(
        self, draft: Draft, now_ms: int, at_s: float, acked: asyncio.Future[Any]
    ) -> SentRecord:
        written = None
        if acked.done() and not acked.cancelled():
            error = acked.exception()
            if error is None:
                written = acked.result()
            elif not isinstance(error, KafkaError):
                raise error
        return SentRecord(
            topic=draft.topic,
            partition=None if written is None else written.partition,
            offset=None if written is None else written.offset,
            timestamp_ms=now_ms,
            key=draft.key,
            value=draft.value,
            headers=draft.headers,
            sort=draft.sort,
            reason=draft.reason,
            at_s=at_s,
        )

    async def _flow(self) -> None:
        began_s, due = self._watch.now_s, 0
        while True:
            await asyncio.sleep(_STEP_S)
            wanted = int((self._watch.now_s - began_s) * self._per_s)
            while due < wanted:
                drafts = self.traffic.next(self._watch.now_ms)
                due += len(drafts)
                await self.send(drafts)
