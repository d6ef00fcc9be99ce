"""The job in Bytewax as its documentation has it: Kafka source, a stateful step, Kafka sink.

Choices, each from the documentation of the operators, of the Kafka connector and of recovery:

- `flat_map_batch` parses whole batches, and `stateful_batch` is the operator with the least work
  for each item; `batch_size` is ten times its default.
- Recovery is on. Snapshots (state and offsets together, in SQLite) come every ten seconds, the
  default length of an epoch; so no record counts twice.
- `tail=False`: it ends at the end of the topics, after a last snapshot, since it has no consumer
  group whose offsets could be seen. It goes on from there when it is started again.
- One worker; two threads of one interpreter would share its lock.
- librdkafka: no statistics, which are on by default.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from rfm import PlainCustomer, apply, figures_of, read_job

Item = tuple[dict[str, Any], int]
Told = tuple[str, dict[str, Any]]

job = read_job(sys.argv[1])
rules, topics = job.rules, job.topics
tier_changes, figures = topics["tier_changes"], topics["figures"]


class Started:
    """Notes the first record."""

    noted = False

    def parse(self, batch: list[Any]) -> list[tuple[str, Item]]:
        """The events of a batch, by customer."""
        if not self.noted:
            self.noted = True
            job.note_started()
        loads, found = orjson.loads, []
        for message in batch:
            event = loads(message.value)
            found.append((event["customer_id"], (event, message.offset)))
        return found


class Classify(StatefulBatchLogic[Item, Told, tuple[Any, ...]]):
    """The state of a customer."""

    def __init__(self, kept: tuple[Any, ...] | None) -> None:
        self.customer = (
            PlainCustomer() if kept is None else PlainCustomer(*kept[:-1], list(kept[-1]))
        )

    def on_batch(self, batch: list[Item]) -> tuple[Iterable[Told], bool]:
        """Apply events, and tell when the tier changes; answer a probe."""
        customer, told = self.customer, []
        for event, offset in batch:
            customer_id = event["customer_id"]
            if "type" not in event:
                answer = {"customer_id": customer_id, **figures_of(customer)._asdict()}
                told.append((figures, answer))
                continue
            before = apply(rules, customer, event, offset)
            if before is not None:
                change = {
                    "customer_id": customer_id,
                    "previous_tier": before,
                    "tier": customer.tier,
                }
                told.append((tier_changes, change))
        return told, StatefulBatchLogic.RETAIN

    def snapshot(self) -> tuple[Any, ...]:
        """What is kept: a copy, since the customer changes."""
        customer = self.customer
        days = [list(day) for day in customer.days]
        return customer.day, customer.last_order_day, customer.applied, customer.tier, days


def written(told: tuple[str, Told]) -> KafkaSinkMessage[bytes, bytes]:
    """What was told, as a record."""
    customer_id, (topic, value) = told
    return KafkaSinkMessage(customer_id.encode(), orjson.dumps(value), topic=topic)


def flow() -> Dataflow:
    """The dataflow."""
    servers = job.bootstrap_servers.split(",")
    inputs = [topics[name] for name in ("orders", "browse", "support", "probes")]
    dataflow = Dataflow("rfm")
    source = KafkaSource(
        servers,
        inputs,
        tail=False,
        batch_size=10_000,
        add_config={"statistics.interval.ms": "0", "partitioner": "murmur2_random"},
    )
    events = op.flat_map_batch("parse", op.input("events", dataflow, source), Started().parse)
    told = op.stateful_batch("classify", events, Classify)
    sink = KafkaSink(servers, None, add_config={"partitioner": "murmur2_random"})
    op.output("told", op.map("written", told, written), sink)
    return dataflow


if __name__ == "__main__":
    recovery = job.folder / "recovery"
    if not recovery.exists():
        recovery.mkdir()
        init_db_dir(recovery, 1)
    interval = timedelta(milliseconds=job.commit_interval_ms or 10_000)
    cli_main(flow(), epoch_interval=interval, recovery_config=RecoveryConfig(recovery))
