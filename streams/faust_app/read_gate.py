"""Which stream partitions may be read now."""

from __future__ import annotations

from collections.abc import Set
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
    Besides, single partitions are stopped until the next rebalance.
    """

    def __init__(self) -> None:
        self._step = _Step.SHUT
        self._stopped: set[TP] = set()

    @property
    def is_open(self) -> bool:
        """Whether the restore is over."""
        return self._step is _Step.OPEN

    @property
    def stopped(self) -> Set[TP]:
        """The partitions that `stop` was called for."""
        return self._stopped

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

    def stop(self, tp: TP) -> None:
        """Let a partition not be read until the next rebalance."""
        self._stopped.add(tp)

    def forget_partitions(self) -> None:
        """All partitions went away."""
        self._stopped.clear()
