"""All streams of this process: how many there may be, how one is opened, when all end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError

from serving.api.metrics import ApiMeter
from serving.api.problems import Problem
from serving.api.sse.consumer import Source
from serving.api.sse.filter import Selection
from serving.api.sse.position import PLACES_MAX, BadPosition, Place, Positions, decoded
from serving.api.sse.stream import Changes, resumed

_START_TIMEOUT_S = 10.0


class Streams:
    """The streams that are open.

    Args:
        new_source: makes a consumer, not yet connected.
        most: streams at a time.
        meter: told about them.
        ending: when set, all end.
    """

    def __init__(
        self,
        new_source: Callable[[], Source],
        most: int,
        meter: ApiMeter,
        ending: asyncio.Event,
    ) -> None:
        self.ending = ending
        self.meter = meter
        self._new_source = new_source
        self._most = most
        self._open = 0

    @asynccontextmanager
    async def open(
        self, selection: Selection, last_id: str | None, since_ms: int | None
    ) -> AsyncIterator[Changes]:
        """A stream.

        Args:
            selection: what to tell.
            last_id: where to go on; None to begin anew.
            since_ms: where to begin anew; None for now.

        Raises:
            Problem: there are too many, the position is wrong, or Kafka does not answer.
        """
        given = None if last_id is None else _given(last_id)
        if self._open >= self._most or self.ending.is_set():
            raise Problem(
                "too-many-streams",
                f"all {self._most} streams are taken",
                headers={"Retry-After": "10"},
            )
        self._count(1)
        source = self._new_source()
        try:
            start = await self._start(source, selection, given, since_ms)
            yield Changes(source, selection, start, self.meter, time.monotonic)
        finally:
            try:
                await source.close()
            finally:
                self._count(-1)

    async def _start(
        self, source: Source, selection: Selection, given: Positions | None, since_ms: int | None
    ) -> Positions:
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await source.connect(selection.topics)
                wanted = _bounded(selection.places(source.partitions))
                if given is not None:
                    return resumed(given, wanted)
                if since_ms is None:
                    return Positions(await source.ends(wanted), source.marks)
                return Positions(await source.since(wanted, since_ms), source.marks)
        except BadPosition as error:
            raise Problem("bad-position", str(error)) from None
        except (KafkaError, OSError, TimeoutError, LookupError) as error:
            reason = str(error) or "it does not answer in time"
            raise Problem(
                "kafka-unavailable", f"no changes: {reason}", headers={"Retry-After": "5"}
            ) from None

    def _count(self, more: int) -> None:
        self._open += more
        self.meter.streams(self._open)


def _given(last_id: str) -> Positions:
    try:
        return decoded(last_id)
    except BadPosition as error:
        raise Problem("bad-position", str(error)) from None


def _bounded(wanted: Sequence[Place]) -> Sequence[Place]:
    if len(wanted) > PLACES_MAX:
        raise Problem(
            "bad-parameter",
            f"a stream reads at most {PLACES_MAX} partitions; choose topics or customers",
        )
    return wanted
