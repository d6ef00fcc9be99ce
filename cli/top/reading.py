"""What `/metrics` of one process says at one instant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from streams.runtime.metrics import PREFIX

_DONE = frozenset({"accepted", "duplicate"})
"""Outcomes of events that are finished; dead letters have a counter of their own."""


@dataclass(slots=True)
class Reading:
    """The measurements of a process that `top` shows.

    Attributes:
        kind: `live` or `replay` of a worker, else `projector`, `api` or `console`.
        events: finished so far, dead letters among them.
        dead_letters: so far.
        tier_changes: so far.
        alerts: so far.
        requests: answered by the API so far.
        lag: records between what was processed and the ends of the partitions.
        partitions: of the log, that a worker owns.
        by_tier: customers of a worker's partitions.
        in_view: customers of the Redis view, from a projector.
        view_delay_s: age of the oldest record that Redis lacks, from a projector.
        delays: events applied no later than so many seconds after they occurred, so far.
        stopped: input partitions whose ingest is stopped.
    """

    kind: str = ""
    events: float = 0
    dead_letters: float = 0
    tier_changes: float = 0
    alerts: float = 0
    requests: float = 0
    lag: float = 0
    partitions: float = 0
    by_tier: Counter[str] = field(default_factory=Counter)
    in_view: Counter[str] = field(default_factory=Counter)
    view_delay_s: float | None = None
    delays: Counter[float] = field(default_factory=Counter)
    stopped: list[str] = field(default_factory=list)


def read_metrics(text: str) -> Reading:
    """The measurements in a text of the Prometheus format.

    Raises:
        ValueError: it is no such text, or not of a process of Tierstream.
    """
    found = Reading()
    for sample in _samples(text):
        _note(found, sample.name.removeprefix(PREFIX), sample.labels, sample.value)
    if not found.kind:
        raise ValueError("it has no metrics of Tierstream")
    found.stopped.sort()
    return found


def _samples(text: str) -> Iterator[Sample]:
    ours = "".join(f"{line}\n" for line in text.splitlines() if line.startswith(PREFIX))
    for family in text_string_to_metric_families(ours):
        yield from family.samples


def _note(found: Reading, name: str, labels: dict[str, str], value: float) -> None:
    match name:
        case "worker_info":
            found.kind = labels.get("mode", "?")
        case "events_total" if labels.get("outcome") in _DONE:
            found.events += value
        case "dead_letters_total":
            found.events += value
            found.dead_letters += value
        case "tier_changes_total":
            found.tier_changes += value
        case "alerts_total":
            found.alerts += value
        case "api_requests_total":
            found.requests += value
        case "event_delay_seconds_bucket":
            found.delays[float(labels["le"])] += int(value)
        case _:
            _note_gauge(found, name, labels, value)


def _note_gauge(found: Reading, name: str, labels: dict[str, str], value: float) -> None:
    match name:
        case "consumer_lag":
            found.lag += value
        case "assigned_partitions":
            found.partitions = value
        case "customers_by_tier":
            found.by_tier[labels["tier"]] += int(value)
        case "view_customers":
            found.in_view[labels["tier"]] += int(value)
        case "view_delay_seconds":
            found.view_delay_s = max(value, found.view_delay_s or 0)
        case "ingest_stopped" if value:
            found.stopped.append(f"{labels['topic']}/{labels['partition']}")
