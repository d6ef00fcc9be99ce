"""A table whose data the application keeps, one object per partition.

Faust knows which changelog partitions belong to this worker and restores them through the batched
transport; what a record means, and every write to the changelog, is the application's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, NoReturn, Protocol, TypeVar, cast

import faust
from faust.stores.base import Store
from faust.types import TP, EventT, StoreT, TopicT
from typing_extensions import override
from yarl import URL

from streams.faust_app.batch import Batch
from streams.faust_app.recovery import StrictTables

_RESTORE_FROM_START = -1
# Batches kept before they are applied. Not 1: Faust then goes on reading the changelog for good.
_RECOVERY_BUFFER_BATCHES = 2


class RestoreFailed(Exception):
    """A record of the changelog cannot be restored; the sentence names its place."""


class PartitionState(Protocol):
    """What the application keeps of one partition."""

    def restore(self, batch: Batch) -> None:
        """Take records of the changelog, oldest first.

        After a rebalance that left the partition here, the newest records come again. So the
        newest by content counts, not the last to arrive.
        """

    def on_restored(self, generation: int) -> None:
        """The partition is complete and ours in this generation of the group; events follow."""

    def on_revoked(self) -> None:
        """The partition is no longer ours: forget it. Everything processed was acked before."""


P = TypeVar("P", bound=PartitionState)


class PartitionedStore(Store[bytes, bytes], Generic[P]):
    """The partitions of a table that are at this worker."""

    def __init__(self, *args: Any, open_partition: Callable[[int], P], **kwargs: Any) -> None:
        self.data: dict[bytes, bytes] = {}  # Faust's mapping face; stays empty
        self._open_partition = open_partition
        self._partitions: dict[int, P] = {}
        self._read_to: dict[int, int] = {}  # newest changelog offset reflected, by partition
        self._generation: int | None = None
        self._failed = False
        super().__init__(*args, **kwargs)

    def partition(self, number: int) -> P:
        """The object of partition ``number``.

        Raises:
            KeyError: the partition is not at this worker.
        """
        return self._partitions[number]

    def partitions(self) -> dict[int, P]:
        """All partitions at this worker, by number."""
        return dict(self._partitions)

    def reflected(self, number: int) -> int:
        """The newest changelog offset that the state of a partition reflects; -1 for none."""
        return self._read_to[number]

    def advance(self, number: int, offset: int) -> None:
        """Note that the changelog up to ``offset`` is reflected, for instance our own write of it.

        After a rebalance that leaves the partition here, only what follows is read again.
        """
        self._read_to[number] = max(offset, self._read_to[number])

    @override
    def persisted_offset(self, tp: TP) -> int | None:
        """Where Faust's recovery starts to read."""
        return self._read_to.get(tp.partition, _RESTORE_FROM_START)

    @override
    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        """Forget the partitions that went away and make room for those that came.

        A partition is kept only from one generation to the next. With a generation in between
        somebody else may have owned it, so it is restored from the start.
        """
        missed = self._generation is None or generation_id != self._generation + 1
        self._generation = generation_id
        changelog = cast(PartitionedTable[P], self.table).changelog_topic_name
        ours = {tp.partition for tp in assigned if tp.topic == changelog}
        for number in [n for n in self._partitions if missed or n not in ours]:
            self._read_to.pop(number)
            self._partitions.pop(number).on_revoked()
        for number in sorted(ours - self._partitions.keys()):
            self._read_to[number] = _RESTORE_FROM_START
            self._partitions[number] = self._open_partition(number)

    @override
    def apply_changelog_batch(
        self,
        batch: Iterable[EventT[Any]],
        to_key: Callable[[Any], bytes],
        to_value: Callable[[Any], bytes],
    ) -> None:
        """Hand restored batches to their partitions."""
        if self._failed:
            return  # Faust comes once more with the same batches while it stops
        try:
            for event in batch:
                self._restore(cast(Batch, event.value))
        except Exception as error:
            self._fail(error)
            raise

    @override
    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Tell the partitions that they are complete; Faust resumes the streams after this."""
        assert self._generation is not None
        if not cast(StrictTables, self.app.tables).recovery.is_complete:
            return  # interrupted: another restore follows, or the end
        try:
            for number in sorted(tp.partition for tp in active_tps):
                if number in self._partitions:
                    self._partitions[number].on_restored(self._generation)
        except Exception as error:
            self._fail(error)
            raise

    @override
    def reset_state(self) -> None:
        """Nothing: no state is kept on disk. The same goes for backups."""

    @override
    async def backup_partition(self, *_: Any, **__: Any) -> None:
        """Nothing, see `reset_state`."""

    @override
    def restore_backup(self, *_: Any, **__: Any) -> None:
        """Nothing, see `reset_state`."""

    def _restore(self, batch: Batch) -> None:
        state = self._partitions.get(batch.tp.partition)
        if state is None:
            return  # fetched before a rebalance that took the partition away
        try:
            state.restore(batch)
        except Exception as error:
            raise _of_first_unreadable(state, batch, error) from error
        self.advance(batch.tp.partition, batch.last_offset)

    def _fail(self, error: Exception) -> None:
        """Stop the process: Faust's recovery logs exceptions of a store and goes on without."""
        self._failed = True

        async def crash() -> None:
            raise error

        self.add_future(crash())


class PartitionedTable(faust.Table[bytes, bytes], Generic[P]):
    """A Faust table as far as restoring goes; it cannot be read or written through Faust."""

    def __init__(self, *args: Any, open_partition: Callable[[int], P], **kwargs: Any) -> None:
        self._open_partition = open_partition
        kwargs.setdefault("recovery_buffer_size", _RECOVERY_BUFFER_BATCHES)
        super().__init__(*args, **kwargs)

    @property
    def states(self) -> PartitionedStore[P]:
        """The store, with its real type."""
        return cast(PartitionedStore[P], self.data)

    @override
    def _new_store(self) -> StoreT[Any, Any]:
        # Without a loop: asked for before the worker's runs, it would be another one, and a stop
        # would wait for ever for what was to run there.
        return PartitionedStore(
            URL("partitioned:"),
            self.app,
            self,
            table_name=self.name,
            open_partition=self._open_partition,
        )

    @override
    def _new_changelog_topic(self, **kwargs: Any) -> TopicT:
        # Not `internal`: Faust would try to create it. It is read like any topic, without acks.
        return self.app.topic(self._changelog_topic_name(), acks=False, allow_empty=True)

    @override
    async def on_start(self) -> None:
        """Start the store, without declaring the changelog topic."""
        await self.add_runtime_dependency(self.data)

    @override
    def on_key_get(self, key: bytes) -> NoReturn:
        """Refuse: the data are in `states`."""
        self._refuse()

    @override
    def on_key_set(self, key: bytes, value: bytes) -> NoReturn:
        """Refuse: Faust would send the change unawaited."""
        self._refuse()

    @override
    def on_key_del(self, key: bytes) -> NoReturn:
        """Refuse: Faust would send the change unawaited."""
        self._refuse()

    @override
    def on_clear(self) -> NoReturn:
        """Refuse: Faust would send the change unawaited."""
        self._refuse()

    @override
    def send_changelog(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: Faust logs a failed write and commits all the same."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise TypeError(f"table {self.name!r} is kept by the application: use its `states`")


def add_table(app: faust.App, name: str, open_partition: Callable[[int], P]) -> PartitionedTable[P]:
    """Declare a table with the changelog topic ``<app id>-<name>-changelog``.

    Args:
        app: not yet running.
        name: unique in the app.
        open_partition: makes the object of a partition, by its number, before it is restored.
    """
    table = PartitionedTable(
        app, name=name, open_partition=open_partition, beacon=app.tables.beacon
    )
    app.tables.add(table)
    return table


def _of_first_unreadable(state: PartitionState, batch: Batch, error: Exception) -> RestoreFailed:
    """An error with the place of the record that is to blame; taking one twice does no harm."""
    offset = batch.first_offset
    for record in batch.records:
        offset = record.offset
        try:
            state.restore(Batch.of(batch.tp, [record]))
        except Exception as found:
            error = found
            break
    return RestoreFailed(
        f"{batch.tp.topic}/{batch.tp.partition}@{offset} cannot be restored: {error}"
    )
