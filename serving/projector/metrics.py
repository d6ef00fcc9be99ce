"""The projector's measurements, as metrics of the process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streams.kafka.foreign import ForeignRecords
from streams.runtime.metrics import Metrics, show_each
from streams.runtime.open_transactions import OpenTransactions

if TYPE_CHECKING:
    from serving.projector.figures import ShownFigures


class ViewMeter:
    """Receives the projector's measurements and drops them; override what is to be shown.

    Every method must return at once.

    Attributes:
        foreign: takes note of records that are not ours.
    """

    def __init__(self, foreign: ForeignRecords | None = None) -> None:
        self.foreign = foreign or ForeignRecords()

    def of_changes(self, _topic: str, /) -> ViewMeter:
        """The meter for a topic of changes."""
        return self

    def records(self, outcome: str, count: int) -> None:
        """Count records by outcome.

        Outcomes are ``applied``, ``removed``, ``coalesced``, ``skipped``, ``unreadable`` and
        ``lost``: removed from the topic before they were read.
        """

    def applied_in(self, seconds: float) -> None:
        """Redis took so long for a batch, retries included."""

    def delay(self, seconds: float) -> None:
        """Age of the oldest record that Redis lacks; 0 when it lacks none."""

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Offsets between what was applied and the end of the partition."""

    def open_transaction(self, topic: str, partition: int, end: int, records: int) -> None:
        """So many records, from offset `end` on, wait for a transaction to end; 0 without one."""

    def revoked(self, topic: str, partition: int) -> None:
        """The partition went to another process."""

    def retried(self) -> None:
        """Redis did not answer, or could not take what was sent."""

    def rewound(self) -> None:
        """The stored offsets had to be read from Redis again."""

    def figures(self, shown: ShownFigures) -> None:
        """What the customers of the view have together now."""


class MetricsMeter(ViewMeter):
    """Records the projector's measurements in the metrics of the process."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(ForeignRecords(lambda topic: metrics.foreign_records.labels(topic).inc()))
        self._metrics = metrics
        self._transactions = OpenTransactions(metrics)

    def of_changes(self, topic: str, /) -> ViewMeter:
        """The meter for a topic of changes."""
        return _ChangesMeter(self._metrics, topic)

    def records(self, outcome: str, count: int) -> None:
        """Count records by outcome."""
        if count:
            self._metrics.view_records.labels(outcome).inc(count)

    def applied_in(self, seconds: float) -> None:
        """Observe how long Redis took for a batch."""
        self._metrics.view_apply_duration_seconds.observe(seconds)

    def delay(self, seconds: float) -> None:
        """Show how far the view is behind."""
        self._metrics.view_delay_seconds.set(seconds)

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Show the lag of a partition."""
        self._metrics.consumer_lag.labels(topic, str(partition)).set(records)

    def open_transaction(self, topic: str, partition: int, end: int, records: int) -> None:
        """Show the records that wait, and log it if it takes long."""
        self._transactions.note(topic, partition, end, records, time.monotonic())

    def revoked(self, topic: str, partition: int) -> None:
        """Stop showing the lag of a partition."""
        self._transactions.forget(topic, partition)
        self._metrics.forget_partition(topic, partition)

    def retried(self) -> None:
        """Count an attempt that failed."""
        self._metrics.view_redis_retries.inc()

    def rewound(self) -> None:
        """Count it."""
        self._metrics.view_rewinds.inc()

    def figures(self, shown: ShownFigures) -> None:
        """Show these figures and no others."""
        metrics = self._metrics
        by_tier = shown.day.figures("tier").by_value
        falls = {str(days): found for days, found in shown.falls.items()}
        show_each(metrics.view_customers, {name: one.customers for name, one in by_tier.items()})
        show_each(
            metrics.view_spend, {name: shown.amount(one.spend) for name, one in by_tier.items()}
        )
        show_each(metrics.view_points, {name: one.points for name, one in by_tier.items()})
        show_each(metrics.view_customers_by_level, shown.counts["level"].values)
        show_each(metrics.view_known_customers, shown.known)
        show_each(
            metrics.view_falls_due_customers,
            {days: sum(one.customers for one in found) for days, found in falls.items()},
        )
        show_each(
            metrics.view_falls_due_spend,
            {
                days: shown.amount(sum(fall.spend for fall in found))
                for days, found in falls.items()
            },
        )
        metrics.view_figures_timestamp_seconds.set(shown.day.at_ms / 1_000)


class _ChangesMeter(MetricsMeter):
    """The same for a topic of changes."""

    def __init__(self, metrics: Metrics, topic: str) -> None:
        super().__init__(metrics)
        self._topic = topic

    def records(self, outcome: str, count: int) -> None:
        """Count records by outcome."""
        if count:
            self._metrics.view_changes_records.labels(self._topic, outcome).inc(count)

    def delay(self, seconds: float) -> None:
        """Show how far the changes are behind."""
        self._metrics.view_changes_delay_seconds.labels(self._topic).set(seconds)

    def rewound(self) -> None:
        """Count it."""
        self._metrics.view_changes_rewinds.labels(self._topic).inc()
