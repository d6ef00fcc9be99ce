"""Faults in handlers: each is logged, and too many within a minute stop the worker."""

from __future__ import annotations

import logging
from collections import Counter, deque

from handlers.failures import Failure
from handlers.state.partition_state import Source

_log = logging.getLogger(__name__)

_MINUTE_MS = 60_000


class TooManyFailures(Exception):
    """So many faults in so little time that somebody must look at them."""


class FailureWatch:
    """The faults of one partition.

    Args:
        most_per_minute: more faults than this within a minute of wall time stop the worker; 0 for
            no limit.

    Attributes:
        counts: faults by kind, until they are added to the metrics.
    """

    def __init__(self, most_per_minute: int) -> None:
        self.counts: Counter[str] = Counter()
        self._most = most_per_minute
        self._at_ms: deque[int] = deque()

    def note(self, failure: Failure, where: Source, now_ms: int) -> None:
        """Log a fault with its traceback, and count it.

        Args:
            failure: what happened.
            where: the record of the log that was applied.
            now_ms: wall time.

        Raises:
            TooManyFailures: there were more than the set number within a minute.
        """
        self.counts[failure.kind] += 1
        detail = failure.rejection.detail
        _log.error(
            "%s/%s offset %s: %s; see the alert TierstreamProcessingFailed",
            where.topic,
            where.partition,
            where.offset,
            detail,
            exc_info=failure.error,
        )
        at_ms = self._at_ms
        at_ms.append(now_ms)
        while at_ms and at_ms[0] <= now_ms - _MINUTE_MS:
            at_ms.popleft()
        if self._most and len(at_ms) > self._most:
            raise TooManyFailures(
                f"{len(at_ms)} faults in handlers within a minute at {where.topic}/"
                f"{where.partition}, at most {self._most} may be "
                f"(TIERSTREAM_PROCESSING_FAILED_PER_MINUTE; 0 goes on whatever their number), "
                f"the last at offset {where.offset}: {detail}"
            )
