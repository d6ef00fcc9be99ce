"""The projector's figures as metrics."""

from __future__ import annotations

from streams.runtime.metrics import Metrics


class ViewMeter:
    """Receives figures and forgets them; override what is to be shown. All must return at once."""

    def of_changes(self, _topic: str, /) -> ViewMeter:
        """The meter for the changes of a topic."""
        return self

    def records(self, outcome: str, count: int) -> None:
        """What became of records.

        They were ``applied``, ``removed``, ``coalesced``, ``skipped``, ``unreadable``, or ``lost``
        since they were removed from the topic before they were read.
        """

    def applied_in(self, seconds: float) -> None:
        """A batch was acknowledged by Redis after this time, retries included."""

    def delay(self, seconds: float) -> None:
        """Age of the oldest record that Redis lacks; 0 when it lacks none."""

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Offsets between what was applied and the end of the partition."""

    def left(self, topic: str, partition: int) -> None:
        """The partition went to another process."""

    def retried(self) -> None:
        """Redis did not answer, or could not take what was sent."""

    def rewound(self) -> None:
        """The place in the topic had to be taken anew from Redis."""


class MetricsMeter(ViewMeter):
    """Puts what the projector tells into the metrics of the process."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def of_changes(self, topic: str, /) -> ViewMeter:
        """The meter for the changes of a topic."""
        return _ChangesMeter(self._metrics, topic)

    def records(self, outcome: str, count: int) -> None:
        """Count records by what became of them."""
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

    def left(self, topic: str, partition: int) -> None:
        """Stop showing the lag of a partition."""
        self._metrics.forget_partition(topic, partition)

    def retried(self) -> None:
        """Count an attempt that failed."""
        self._metrics.view_redis_retries.inc()

    def rewound(self) -> None:
        """Count a new look at the place."""
        self._metrics.view_rewinds.inc()


class _ChangesMeter(MetricsMeter):
    """The same for a topic of changes."""

    def __init__(self, metrics: Metrics, topic: str) -> None:
        super().__init__(metrics)
        self._topic = topic

    def records(self, outcome: str, count: int) -> None:
        """Count records by what became of them."""
        if count:
            self._metrics.view_changes_records.labels(self._topic, outcome).inc(count)

    def delay(self, seconds: float) -> None:
        """Show how far the changes are behind."""
        self._metrics.view_changes_delay_seconds.labels(self._topic).set(seconds)

    def rewound(self) -> None:
        """Count a new look at the place."""
        self._metrics.view_changes_rewinds.labels(self._topic).inc()
