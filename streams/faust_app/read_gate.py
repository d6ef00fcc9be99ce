"""Which stream partitions may be read now."""

from __future__ import annotations

from collections.abc import Iterable, Set
from enum import Enum, auto

from faust.types import TP


class _Step(Enum):
    """The steps that Faust's recovery passes in this order, from a rebalance to the first event."""

    REVOKED = auto()
    SHUT = auto()
    RESUMED = auto()
    SOUGHT = auto()
    OPEN = auto()


class ReadGate:
    """Keeps stream partitions from being read between their assignment and the end of the restore.

    Faust resumes the partitions, then seeks them to the committed offsets, then empties the queues.
    What was fetched in between would be seen twice or, worse, never. A restore that a rebalance
    overtakes may still come to these steps before the new partitions are told: it opens nothing.
    Besides, single partitions are held back for a while, or stopped until the next rebalance.
    """

    def __init__(self) -> None:
        self._step = _Step.SHUT
        self._held: set[TP] = set()
        self._stopped: set[TP] = set()

    @property
    def is_open(self) -> bool:
        """Whether the restore is over."""
        return self._step is _Step.OPEN

    @property
    def stopped(self) -> Set[TP]:
        """The partitions that `stop` was called for."""
        return self._stopped

    def admits(self, tp: TP) -> bool:
        """Whether a partition that is not stopped may be read."""
        return self.is_open and tp not in self._held

    def revoke(self) -> None:
        """A rebalance begins: stay shut until partitions are assigned, whoever ends a restore."""
        self._step = _Step.REVOKED

    def shut(self) -> None:
        """Partitions were assigned."""
        self._step = _Step.SHUT

    def note_resumed(self) -> None:
        """Faust resumed stream partitions."""
        if self._step is not _Step.REVOKED:
            self._step = _Step.RESUMED

    def note_sought(self) -> None:
        """Faust moved to the committed offsets."""
        if self._step is _Step.RESUMED:
            self._step = _Step.SOUGHT

    def note_flow(self) -> None:
        """Faust lets events flow again."""
        if self._step is _Step.SOUGHT:
            self._step = _Step.OPEN

    def hold(self, tps: Iterable[TP]) -> None:
        """Keep these partitions back, until `release` or a rebalance."""
        self._held.update(tps)

    def release(self, tps: Iterable[TP]) -> None:
        """Let these partitions be read again."""
        self._held.difference_update(tps)

    def stop(self, tp: TP) -> None:
        """Let a partition not be read until the next rebalance."""
        self._stopped.add(tp)

    def forget_partitions(self) -> None:
        """All partitions went away."""
        self._held.clear()
        self._stopped.clear()
