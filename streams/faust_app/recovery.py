"""Faust's restore, except that it tells how far it is, and that a step without end stops it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol, cast

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery, ServiceStopped
from faust.types import TP
from faust.types.transports import ConsumerT
from mode import Service
from typing_extensions import override

_log = logging.getLogger(__name__)

_TELL_EVERY_S = 3.0


class RestoreProgress(NamedTuple):
    """How far a restore is, in offsets of the changelogs: where they are compacted, some are empty.

    Both are 0 while nothing is restored.
    """

    remaining: int
    total: int

    def __str__(self) -> str:
        done = self.total - self.remaining
        return f"{done:,} of {self.total:,} changelog offsets ({done / self.total:.0%})"


class _Consumer(Protocol):
    """What the restore asks of the consumer (`streams.faust_app.consumer.BatchConsumer`)."""

    async def open_records(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """How many records of each partition wait for a transaction to end."""


class RestoreTimeout(RuntimeError):
    """The broker did not answer a step of the restore in time."""


class StrictRecovery(Recovery):
    """Restores the tables after a rebalance, or fails."""

    _total = 0
    """Offsets that the restore under way has to read."""

    is_overtaken = False
    """Whether the partitions are being given back, and the next are not told yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._last_records: dict[TP, int] = {}
        super().__init__(*args, **kwargs)

    @property
    def progress(self) -> RestoreProgress:
        """How far the restore under way is."""
        if not self.in_recovery or not self._total:
            return RestoreProgress(0, 0)
        return RestoreProgress(min(max(0, self.active_remaining_total()), self._total), self._total)

    def note_position(self, tp: TP, position: int, last_record: int | None) -> None:
        """Note that a changelog was read so far, and the offset of the last record of the fetch.

        The last offsets before the end may be no records: the ends of transactions, and what was
        aborted. Faust would wait for one there. So the last record is taken for the end.
        """
        if last_record is not None:
            self._last_records[tp] = last_record
        end = self.active_highwaters.get(tp)
        if not self.in_recovery or end is None or position <= end:
            return
        began = self.active_offsets.get(tp)
        last = max(self._last_records.get(tp, -1), -1 if began is None else began)
        # What was not taken yet is still ahead of it. Faust looks again within five seconds.
        self.active_highwaters[tp] = min(last, end)

    @property
    def is_complete(self) -> bool:
        """Whether all was restored that this worker was assigned last.

        A rebalance or a stop interrupts a restore, and Faust goes on as if it had come to its end.
        From the moment on at which partitions are given back, nobody may take them for restored:
        the owner would begin to write what it no longer has, or fail for want of it.
        """
        interrupted = self.is_overtaken or self.should_stop or self.signal_recovery_start.is_set()
        newest = self._generation_id == self.app.consumer_generation_id
        return newest and not interrupted and not self.need_recovery()

    @override
    async def _build_offsets(
        self, consumer: ConsumerT, tps: set[TP], destination: Counter[TP], title: str
    ) -> None:
        """Where to begin to read; together with the ends, which come first, this is how much."""
        await super()._build_offsets(consumer, tps, destination, title)
        if destination is self.active_offsets:
            self._last_records.clear()
            self._total = max(0, self.active_remaining_total())

    @Service.task
    async def _publish_stats(self) -> None:
        """Tell how far it is, every few seconds; Faust tells it only after a thousand batches."""
        async for _ in self.itertimer(_TELL_EVERY_S, name="restore"):
            progress = self.progress
            if progress.remaining:
                _log.info("restoring: %s", progress)
                await self._tell_open_transactions()

    async def _tell_open_transactions(self) -> None:
        found = await cast(_Consumer, self.app.consumer).open_records(set(self.active_tps))
        places = [f"{tp.topic}/{tp.partition}" for tp, records in sorted(found.items()) if records]
        if places:
            _log.warning(
                "the restore waits for transactions that producers began in %s", ", ".join(places)
            )

    @override
    async def _wait(self, coro: Any, timeout: Any = None) -> None:
        """Wait for one step; Faust takes a timeout for the end of the app and restores no more."""
        try:
            await super()._wait(coro, timeout)
        except ServiceStopped:
            if self.should_stop:
                raise
            raise RestoreTimeout(f"a step of the restore took longer than {timeout} s") from None


class StrictTables(TableManager):
    """The tables of an app, with a `StrictRecovery`."""

    @property
    @override
    def recovery(self) -> StrictRecovery:
        """The service that restores the tables."""
        if self._recovery is None:
            self._recovery = StrictRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast(StrictRecovery, self._recovery)
