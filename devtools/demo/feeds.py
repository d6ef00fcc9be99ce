"""What the demo reads from the worker's `/metrics`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from streams.kafka.topics import DEAD_LETTERS
from streams.runtime.metrics import PREFIX

_DONE = {"accepted", "duplicate"}


class Readings(NamedTuple):
    """One look at the worker.

    `processed` counts events that came to their end: accepted, duplicates and dead letters.
    `outputs` are the records put out, by topic without prefix, dead letters among them.
    """

    processed: int
    waiting: int
    outputs: Mapping[str, int]


def read_metrics(text: str) -> Readings:
    """Make readings of the Prometheus text format."""
    processed = waiting = 0
    outputs: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            match sample.name.removeprefix(PREFIX):
                case "events_total" if sample.labels["outcome"] in _DONE:
                    processed += int(sample.value)
                case "dead_letters_total":
                    processed += int(sample.value)
                    outputs[DEAD_LETTERS] += int(sample.value)
                case "outputs_total":
                    outputs[sample.labels["topic"]] += int(sample.value)
                case "consumer_lag":
                    waiting += int(sample.value)
    return Readings(processed, waiting, outputs)
