"""Every metric of the worker and of the projector, each with the sentence that explains it.

Counting is done by the batch, not by the event: add up first, then call ``inc`` once. Label values
come from closed sets; what an upstream system can invent goes through `type_label`.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.process_collector import ProcessCollector

from config.build import build, release
from handlers.events import SCHEMA

PREFIX = "tierstream_"

FlushStep = Literal["outputs", "claim", "state", "profiles", "meta"]

_DURATION_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_RESTORE_BUCKETS_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_DELAY_BUCKETS_S = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800)
_BATCH_BUCKETS = (1, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000)

# A second series for every counter, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Declaration(NamedTuple):
    """What a metric is called on the wire, for the documentation and its test."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


class Metrics:
    """The metrics of one process, on a registry of their own.

    Attributes:
        registry: what `/metrics` serves.
        declarations: every metric in the order of this page.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.declarations: list[Declaration] = []
        ProcessCollector(registry=self.registry)
        self._declare_events()
        self._declare_state()
        self._declare_flow()
        self._declare_view()
        self._declare_api()

    def _declare_events(self) -> None:
        self.events = self._counter(
            "events",
            "Events by what became of them: `forwarded` to the canonical log by ingest, then "
            "`accepted` or `duplicate` in the engine; `dead_letter` at either; `skipped_replay` "
            "when read once more after a restart.",
            "source",
            "type",
            "outcome",
        )
        self.dead_letters = self._counter(
            "dead_letters", "Records written to `dead-letters`.", "source", "reason"
        )
        self.processing_failed = self._counter(
            "processing_failed",
            "Faults in handlers by what could not be done: a `record`, a `merge`, an instant that "
            "was `due`, a new `policy`, a `profile`.",
            "kind",
        )
        self.unmatched_changes = self._counter(
            "unmatched_changes",
            "Changes of orders given up because their order never came or is in another currency, "
            "and returns of which something was left.",
        )
        self.left_out_of_items = self._counter(
            "left_out_of_items",
            "Values in the lines of orders that could not be used and were left out.",
            "type",
        )
        self.attributes_refused = self._counter(
            "attributes_refused",
            "Attributes of profiles that could not be used and were left out.",
            "attribute",
        )
        self.event_delay_seconds = self._histogram(
            "event_delay_seconds",
            "Wall time less event time when the engine applies an event.",
            _DELAY_BUCKETS_S,
            "source",
        )
        self.due_firings = self._counter(
            "due_firings", "Due instants of customers that fired because time passed."
        )
        self.tier_changes = self._counter(
            "tier_changes", "Tier changes put out.", "from_tier", "to_tier", "reason"
        )
        self.alerts = self._counter(
            "alerts",
            "Records on `dormancy-alerts` by their type and the level they lead to.",
            "type",
            "level",
        )
        self.outputs = self._counter("outputs", "Records acknowledged by Kafka.", "topic")
        self.points = self._counter(
            "points",
            "Points moved, by what moved them (`order`, `refund`, `expiry`, …) and whether the "
            "balance went `up` or `down`.",
            "cause",
            "direction",
        )
        self.reminders = self._counter(
            "reminders",
            "Records on `care-reminders` by their type and by why they are not to be acted on "
            "(empty: they are).",
            "type",
            "suppressed",
        )
        self.suppressed_outputs = self._counter(
            "suppressed_outputs",
            "Outputs that went out marked as not to be acted on, by the reason.",
            "suppressed",
        )
        self.merges = self._counter(
            "merges",
            "What happened for merged customers: `joined` to the surviving one, `refused`, "
            "`followed` (an event told of the old id went on).",
            "step",
        )
        self.erased_customers = self._counter(
            "erased_customers",
            "Customers erased, by `request` or by the policy's `retention`.",
            "cause",
        )
        self.survey_answers = self._counter(
            "survey_answers",
            "Answers to surveys (`csat` 1 to 5, `nps` 0 to 10) by the tier of who answered and "
            "the score, with a policy that has `[satisfaction]`.",
            "survey",
            "tier",
            "score",
        )
        self.churn_answers = self._counter(
            "churn_answers",
            "Why customers left, by their answer; answers beyond the first 100 different ones of a "
            "worker are `other`.",
            "answer",
        )

    def _declare_state(self) -> None:
        self.customers_by_tier = self._gauge(
            "customers_by_tier",
            "Customers of this worker's partitions in each tier; add up over workers.",
            "tier",
        )
        self.customers_by_stage = self._gauge(
            "customers_by_stage",
            "Customers of this worker's partitions in each stage; add up over workers.",
            "stage",
        )
        self.partition_clock_seconds = self._gauge(
            "partition_clock_seconds", "Clock of a partition, in seconds since 1970.", "partition"
        )
        self.clock_error_seconds = self._gauge(
            "clock_error_seconds",
            "How far the clock of this machine is ahead of a broker's, negative if it is behind; "
            "exact to half of the time that the answer took.",
            "broker",
        )
        self.policy_waiting_customers = self._gauge(
            "policy_waiting_customers",
            "Customers of this worker's partitions whose turn under a new policy is still to come,"
            " at most.",
        )
        self.assigned_partitions = self._gauge(
            "assigned_partitions", "Partitions of `customer-events` that this worker owns."
        )
        self.restore_duration_seconds = self._histogram(
            "restore_duration_seconds",
            "Time to read a partition's state back from the changelog.",
            _RESTORE_BUCKETS_S,
        )
        self.restored_records = self._counter(
            "restored_records", "Changelog records read to restore state."
        )
        self.restore_remaining_offsets = self._gauge(
            "restore_remaining_offsets",
            "Offsets of the changelog still to be read before this worker is ready; 0 when it is.",
        )
        self.build = self._info(
            "build", "Versions of the program and of Python, and the build: compiled or plain."
        )
        self.build.info(
            {"version": release(), "build": build(), "python": platform.python_version()}
        )
        self.worker = self._info("worker", "Application id and mode of this process.")

    def _declare_flow(self) -> None:
        self.consumer_lag = self._gauge(
            "consumer_lag",
            "Records between what was processed and the end of the partition, asked of the broker.",
            "topic",
            "partition",
        )
        self.open_transaction_records = self._gauge(
            "open_transaction_records",
            "Of these, those that nobody can read before a transaction that a producer has open "
            "ends; 0 without one.",
            "topic",
            "partition",
        )
        self.open_transaction_seconds = self._gauge(
            "open_transaction_seconds",
            "For how long the same transaction is seen to be open there; 0 without one.",
            "topic",
            "partition",
        )
        self.ingest_stopped = self._gauge(
            "ingest_stopped",
            "1 for an input partition of this worker whose ingest is stopped, because too many of "
            "its records are bad.",
            "topic",
            "partition",
        )
        self.ingest_stops = self._counter(
            "ingest_stops",
            "Times the ingest of an input partition was stopped for its bad records.",
            "topic",
            "partition",
        )
        self.foreign_records = self._counter(
            "foreign_records",
            "Records in our own topics that are not ours, passed over where they were read; in "
            "`customer-events` they are dead letters, too.",
            "topic",
        )
        self.batch_records = self._histogram(
            "batch_records", "Records in a batch that was read.", _BATCH_BUCKETS, "stage"
        )
        self.flush_duration_seconds = self._histogram(
            "flush_duration_seconds",
            "Time until Kafka acknowledged a step of a flush: `outputs`, `claim`, `state`, "
            "`profiles`, `meta`.",
            _DURATION_BUCKETS_S,
            "step",
        )
        self.last_flush_timestamp_seconds = self._gauge(
            "last_flush_timestamp_seconds",
            "Wall time of the last complete flush, in seconds since 1970.",
        )

    def _declare_view(self) -> None:
        self.view_records = self._counter(
            "view_records",
            "Profile records by what the projector did with them: `applied`, `removed`, "
            "`coalesced` into a later one of the same batch, `skipped` as applied before, "
            "`unreadable`, `lost` as removed from the topic before they were read.",
            "outcome",
        )
        self.view_delay_seconds = self._gauge(
            "view_delay_seconds",
            "Age of the oldest profile record that Redis lacks, 0 when it lacks none.",
        )
        self.view_apply_duration_seconds = self._histogram(
            "view_apply_duration_seconds",
            "Time until Redis acknowledged a batch of records, retries included.",
            _DURATION_BUCKETS_S,
        )
        self.view_redis_retries = self._counter(
            "view_redis_retries", "Attempts that Redis did not answer, or could not take."
        )
        self.view_rewinds = self._counter(
            "view_rewinds",
            "Times the projector took its place in the topic anew from Redis, beyond the first: "
            "after a loss of data there, or a rebuild.",
        )
        self.view_changes_records = self._counter(
            "view_changes_records",
            "Records of changes by what the projector did with them: `applied`, `skipped` as "
            "applied before or delivered twice, `unreadable`, `lost` as removed from the topic "
            "before they were read.",
            "topic",
            "outcome",
        )
        self.view_changes_delay_seconds = self._gauge(
            "view_changes_delay_seconds",
            "Age of the oldest record of changes that Redis lacks, 0 when it lacks none.",
            "topic",
        )
        self.view_changes_rewinds = self._counter(
            "view_changes_rewinds",
            "As `tierstream_view_rewinds_total`, for the topics of changes.",
            "topic",
        )

        self._declare_figures()

    def _declare_figures(self) -> None:
        self.view_customers = self._gauge(
            "view_customers", "Customers in the view by tier; every projector shows all.", "tier"
        )
        self.view_spend = self._gauge(
            "view_spend",
            "Value of their counted orders in the window by tier, in the policy's currency.",
            "tier",
        )
        self.view_points = self._gauge("view_points", "Points they hold, by tier.", "tier")
        self.view_customers_by_level = self._gauge(
            "view_customers_by_level", "Customers in the view by dormancy level.", "level"
        )
        self.view_known_customers = self._gauge(
            "view_known_customers", "Customers in the view who have an attribute.", "attribute"
        )
        self.view_falls_due_customers = self._gauge(
            "view_falls_due_customers",
            "Customers who fall to a lower tier within so many days if nothing happens.",
            "days",
        )
        self.view_falls_due_spend = self._gauge(
            "view_falls_due_spend",
            "Value of the counted orders of these customers, in the policy's currency.",
            "days",
        )
        self.view_figures_timestamp_seconds = self._gauge(
            "view_figures_timestamp_seconds",
            "When these figures of the view were read, in seconds since 1970; none are while it is "
            "more than a minute behind.",
        )

    def _declare_api(self) -> None:
        self.api_requests = self._counter(
            "api_requests",
            "Requests to the API by the template of their route and the status of the answer, 0 if "
            "the client left before there was one.",
            "route",
            "status",
        )
        self.api_request_duration_seconds = self._histogram(
            "api_request_duration_seconds",
            "Time from a request's head to the end of its answer; of streams, while they last.",
            _DURATION_BUCKETS_S,
            "route",
        )
        self.api_streams = self._gauge("api_streams", "Streams of changes that are open.")
        self.api_streamed_events = self._counter(
            "api_streamed_events", "Changes sent to streams.", "topic"
        )
        self.api_streams_cut = self._counter(
            "api_streams_cut",
            "Streams ended by the API: `slow` clients, `unwelcome` ones whose token ended, `kafka` "
            "that refuses to be read, `ending` of the process.",
            "reason",
        )

    def set_customers(self, by_tier: Mapping[str, int], by_stage: Mapping[str, int]) -> None:
        """Show these counts and no others; a tier that is not named disappears."""
        show_each(self.customers_by_tier, by_tier)
        show_each(self.customers_by_stage, by_stage)

    def set_clock_errors(self, ahead_s: Mapping[int, float]) -> None:
        """Show these differences, by broker, and no others."""
        self.clock_error_seconds.clear()
        for broker, seconds in ahead_s.items():
            self.clock_error_seconds.labels(str(broker)).set(seconds)

    def forget_partition(self, topic: str, partition: int) -> None:
        """Stop showing the lag of a partition that went to another process."""
        self.consumer_lag.remove(topic, str(partition))
        self.open_transaction_records.remove(topic, str(partition))
        self.open_transaction_seconds.remove(topic, str(partition))

    def forget_stop(self, topic: str, partition: int) -> None:
        """Stop showing a partition as stopped: it goes on, or went to another process."""
        self.ingest_stopped.remove(topic, str(partition))

    def forget_clock(self, partition: int) -> None:
        """Stop showing the clock of a partition that went to another process."""
        self.partition_clock_seconds.remove(str(partition))

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        self._note(f"{name}_total", "counter", labels, meaning)
        return Counter(PREFIX + name, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        self._note(name, "gauge", labels, meaning)
        return Gauge(PREFIX + name, meaning, labels, registry=self.registry)

    def _histogram(
        self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        self._note(name, "histogram", labels, meaning)
        return Histogram(PREFIX + name, meaning, labels, buckets=buckets, registry=self.registry)

    def _info(self, name: str, meaning: str) -> Info:
        self._note(f"{name}_info", "info", (), meaning)
        return Info(PREFIX + name, meaning, registry=self.registry)

    def _note(self, name: str, kind: str, labels: tuple[str, ...], meaning: str) -> None:
        self.declarations.append(Declaration(PREFIX + name, kind, labels, meaning))


def show_each(gauge: Gauge, numbers: Mapping[str, float]) -> None:
    """Show these numbers, by the one label of a gauge, and no others."""
    gauge.clear()
    for name, number in numbers.items():
        gauge.labels(name).set(number)


def type_label(event_type: str | None) -> str:
    """The event type as a label value; what is no type of ours becomes ``unknown``."""
    return "unknown" if event_type is None or event_type not in SCHEMA else event_type
