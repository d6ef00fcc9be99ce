"""Transactions of producers that keep records from being read: shown, and logged when they last."""

from __future__ import annotations

import logging

from streams.runtime.metrics import Metrics

_log = logging.getLogger(__name__)

_LOG_AFTER_S = 30.0
"""A transaction that is open for so long is logged; most producers end them within seconds."""


class OpenTransactions:
    """Notes where the records of partitions end that can be read, and what is behind.

    Args:
        metrics: shows it.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._since: dict[tuple[str, int], tuple[int, float]] = {}
        self._logged: set[tuple[str, int]] = set()

    def note(self, topic: str, partition: int, end: int, records: int, now_s: float) -> None:
        """Show how a partition is.

        Args:
            topic: its full name.
            partition: its number.
            end: the offset of the first record of the oldest transaction that is open.
            records: how many there are from there on; 0 if none is open.
            now_s: a monotonic time.
        """
        place = topic, partition
        since_s = now_s
        if records:
            known, since_s = self._since.get(place, (end, now_s))
            if known != end:
                since_s = now_s
            self._since[place] = end, since_s
        else:
            self._since.pop(place, None)
        labels = topic, str(partition)
        self._metrics.open_transaction_records.labels(*labels).set(records)
        self._metrics.open_transaction_seconds.labels(*labels).set(now_s - since_s)
        self._tell(place, end, records, now_s - since_s)

    def forget(self, topic: str, partition: int) -> None:
        """Stop showing a partition that went to another process."""
        self._since.pop((topic, partition), None)
        self._logged.discard((topic, partition))

    def _tell(self, place: tuple[str, int], end: int, records: int, seconds: float) -> None:
        if not records or seconds < _LOG_AFTER_S:
            if place in self._logged:
                self._logged.discard(place)
                _log.info("the transaction in %s/%s has ended", *place)
        elif place not in self._logged:
            self._logged.add(place)
            _log.warning(
                "%s/%s: %s records wait for a transaction that a producer began at offset %s and "
                "has not ended for %.0f s",
                *place,
                records,
                end,
                seconds,
            )
