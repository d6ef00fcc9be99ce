"""The engine's counts as metrics, added up by the batch."""

from __future__ import annotations

import time
from collections import Counter

from handlers.failures import KINDS
from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.tally import Tally
from streams.engine.flush_batch import FlushBatch
from streams.engine.owned_partition import OwnedPartition
from streams.kafka.foreign import ForeignRecords
from streams.kafka.topics import topic_for
from streams.runtime.metrics import FlushStep, Metrics, type_label

_ENGINE = "engine"
_MOST_ANSWERS = 100
_OTHER_ANSWER = "other"


class EngineMetrics:
    """Takes what partitions counted into the process's metrics.

    Args:
        metrics: of the process.
        topic_prefix: what topic names begin with; labels go without.

    Attributes:
        foreign: takes note of records that are not ours.
    """

    def __init__(self, metrics: Metrics, topic_prefix: str) -> None:
        self._metrics = metrics
        self._topic_prefix = topic_prefix
        self._clocks: set[int] = set()
        self._churn_answers: set[str] = set()
        self.foreign = ForeignRecords(lambda topic: metrics.foreign_records.labels(topic).inc())
        for kind in KINDS:
            # From zero on, so that the first one is seen to rise.
            metrics.processing_failed.labels(kind)

    def restored(self, partition: OwnedPartition) -> None:
        """A partition's state was read back."""
        self._metrics.restore_duration_seconds.observe(partition.restore_seconds)
        self._metrics.restored_records.inc(partition.restored_records)

    def taken(self, partition: OwnedPartition, records: int) -> None:
        """A batch was applied."""
        metrics = self._metrics
        metrics.batch_records.labels(_ENGINE).observe(records)
        applier = partition.applier
        if applier.newest_delay_ms is not None:
            metrics.event_delay_seconds.labels(_ENGINE).observe(applier.newest_delay_ms / 1000)
            applier.newest_delay_ms = None
        state = partition.partition
        if state.meta.policy is None:
            return
        tally, state.context.tally = state.context.tally, Tally()
        partition.population.update(tally.population)
        self._count(tally)
        failures = applier.failures
        for kind, count in failures.counts.items():
            metrics.processing_failed.labels(kind).inc(count)
        failures.counts.clear()
        if applier.repeated:
            metrics.events.labels("any", "any", "skipped_replay").inc(applier.repeated)
            applier.repeated = 0

    def _count(self, tally: Tally) -> None:
        self._count_events(tally)
        metrics = self._metrics
        for change, count in tally.tier_changes.items():
            metrics.tier_changes.labels(*change).inc(count)
        for alert, count in tally.level_changes.items():
            metrics.alerts.labels(*alert).inc(count)
        self._count_answers(tally)
        for movement, count in tally.points.items():
            metrics.points.labels(*movement).inc(count)
        for reminder, count in tally.reminders.items():
            metrics.reminders.labels(*reminder).inc(count)
        for against, count in tally.suppressed.items():
            metrics.suppressed_outputs.labels(against).inc(count)
        for step, count in tally.merges.items():
            metrics.merges.labels(step).inc(count)
        for cause, count in tally.erased.items():
            metrics.erased_customers.labels(cause).inc(count)
        metrics.unmatched_changes.inc(tally.unmatched)
        metrics.due_firings.inc(tally.due)

    def _count_events(self, tally: Tally) -> None:
        metrics = self._metrics
        for kind, count in tally.accepted.items():
            metrics.events.labels(topic_for(kind), kind, "accepted").inc(count)
        for kind, count in tally.duplicates.items():
            metrics.events.labels(topic_for(kind), kind, "duplicate").inc(count)
        for kind, count in tally.left_out.items():
            metrics.left_out_of_items.labels(kind).inc(count)
        for name, count in tally.refused_attributes.items():
            metrics.attributes_refused.labels(name).inc(count)
        if tally.skipped:
            metrics.events.labels("any", "any", "skipped_replay").inc(tally.skipped)

    def _count_answers(self, tally: Tally) -> None:
        for answer, count in tally.answers.items():
            self._metrics.survey_answers.labels(*answer).inc(count)
        for reason, count in tally.churn_answers.items():
            self._metrics.churn_answers.labels(self._churn_label(reason)).inc(count)

    def _churn_label(self, answer: str) -> str:
        """An answer as a label, of so many different ones that a scrape can bear."""
        if answer not in self._churn_answers:
            if len(self._churn_answers) >= _MOST_ANSWERS:
                return _OTHER_ANSWER
            self._churn_answers.add(answer)
        return answer

    def flushed(self, batch: FlushBatch) -> None:
        """Everything in a batch was acknowledged."""
        metrics = self._metrics
        for topic, count in Counter(output.topic for output in batch.outputs).items():
            metrics.outputs.labels(topic).inc(count)
        if batch.profiles:
            metrics.outputs.labels(CUSTOMER_PROFILES).inc(len(batch.profiles))
        for letter in batch.dead_letters:
            origin = letter.origin
            topic = "any" if origin is None else origin.source.topic
            source = topic.removeprefix(self._topic_prefix)
            metrics.dead_letters.labels(source, letter.rejection.reason).inc()
            metrics.events.labels(source, type_label(None), "dead_letter").inc()
        metrics.last_flush_timestamp_seconds.set(time.time())

    def step_done(self, name: FlushStep, seconds: float) -> None:
        """A step of a flush was acknowledged."""
        self._metrics.flush_duration_seconds.labels(name).observe(seconds)

    def show(self, partitions: list[OwnedPartition]) -> None:
        """Show populations and clocks as they are."""
        metrics = self._metrics
        by_tier: Counter[str] = Counter()
        by_stage: Counter[str] = Counter()
        numbers = set()
        for partition in partitions:
            numbers.add(partition.number)
            for (tier, stage), count in partition.population.items():
                by_tier[tier] += count
                by_stage[stage] += count
            clock_ms = partition.partition.meta.clock_ms
            if clock_ms > 0:
                metrics.partition_clock_seconds.labels(str(partition.number)).set(clock_ms / 1000)
                self._clocks.add(partition.number)
        for number in self._clocks - numbers:
            metrics.forget_clock(number)
        self._clocks &= numbers
        metrics.set_customers(by_tier, by_stage)
        metrics.policy_waiting_customers.set(
            sum(partition.partition.round.remaining for partition in partitions)
        )
        metrics.assigned_partitions.set(len(partitions))
