"""Faust on Kafka by the batch: one Faust message for each batch, committed exactly.

What differs from Faust's own aiokafka transport, and why:

- A message carries a whole `Batch`; conductor, queues and agents do not notice.
- The committed offset follows from acks in order of delivery (`streams.faust_app.commit`).
- On a rebalance the batches in flight are finished and committed *before* Faust forgets its acks.
- Nothing is read from a stream partition between its assignment and the end of the restore
  (`streams.faust_app.read_gate`).
- A crashed process commits nothing more: Faust acks the event whose agent failed.
- A commit that the group refuses ends the process, and each carries the id of its topic.
- No offset is ever reset: one that has no record any more ends the process
  (`streams.faust_app.topic_watch`).
"""

from __future__ import annotations

from typing import Any

from faust.transport.drivers import aiokafka as driver

from streams.faust_app.consumer import BatchConsumer
from streams.faust_app.options import BatchLimits


class BatchTransport(driver.Transport):
    """The transport whose consumer delivers batches."""

    Consumer = BatchConsumer

    def __init__(self, *args: Any, limits: BatchLimits, **kwargs: Any) -> None:
        self.limits = limits
        super().__init__(*args, **kwargs)
