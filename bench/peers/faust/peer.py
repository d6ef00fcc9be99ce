"""The job in Faust as its documentation has it: an agent, a table, a topic.

Choices, each from Faust's guide and its list of settings:

- `store`: RocksDB, which the guide asks for in production; the driver is the maintained one.
- `cython_optimizations`, uvloop, orjson (the `fast` extra): the documented fast paths.
- `stream_buffer_maxsize`, `consumer_max_fetch_size`: larger than the defaults, so that the agent
  never waits for a fetch.
- `producer_linger`, `producer_max_batch_size`: changelog records go out in larger batches.
- `broker_commit_interval` and `processing_guarantee`: the defaults, 2.8 s and at least once.
- One agent reads all topics, so that the table is in one place for each customer.
"""

from __future__ import annotations

import sys
from dataclasses import field
from typing import Any

import faust
from mode.loop import use as use_loop
from rfm import PROSPECT, apply, figures_of, read_job

use_loop("uvloop")
job = read_job(sys.argv[1])
rules, topics = job.rules, job.topics

app = faust.App(
    job.group,
    broker=[f"kafka://{server}" for server in job.bootstrap_servers.split(",")],
    store="rocksdb://",
    datadir=job.folder / "faust",
    topic_partitions=job.partitions,
    topic_disable_leader=True,
    broker_session_timeout=10.0,
    broker_heartbeat_interval=3.0,
    broker_commit_interval=(job.commit_interval_ms or 2_800) / 1_000,
    consumer_max_fetch_size=4 * 1024 * 1024,
    cython_optimizations=True,
    producer_linger=0.05,
    producer_max_batch_size=512 * 1024,
    stream_buffer_maxsize=16_384,
    web_enabled=False,
)


class Event(faust.Record, serializer="json"):
    """An event of any input topic, or a probe, which has no type."""

    customer_id: str
    type: str | None = None
    occurred_at: str | None = None
    amount: str | None = None


class Customer(faust.Record, serializer="json"):
    """What is kept of a customer."""

    day: int = 0
    last_order_day: int = 0
    applied: int = -1
    tier: str = PROSPECT
    days: list[list[int]] = field(default_factory=list)


events = app.topic(
    *(topics[name] for name in ("orders", "browse", "support", "probes")),
    key_type=str,
    value_type=Event,
)
tier_changes = app.topic(topics["tier_changes"], key_type=str, value_serializer="json")
figures = app.topic(topics["figures"], key_type=str, value_serializer="json")
customers = app.Table(
    "customers",
    key_type=str,
    value_type=Customer,
    partitions=job.partitions,
    options={"driver": "rocksdict"},
)


@app.agent(events)
async def classify(stream: Any) -> None:
    """Apply each event to its customer, and tell when the tier changes."""
    is_started = False
    async for record in stream.events():
        if not is_started:  # an agent begins before it has partitions
            is_started = True
            job.note_started()
        event = record.value
        customer_id = event.customer_id
        customer = customers.get(customer_id) or Customer(days=[])
        if event.type is None:
            told = {"customer_id": customer_id, **figures_of(customer)._asdict()}
            await figures.send(key=customer_id, value=told)
            continue
        before = apply(rules, customer, event.asdict(), record.message.offset)
        customers[customer_id] = customer
        if before is not None:
            change = {
                "customer_id": customer_id,
                "previous_tier": before,
                "tier": customer.tier,
            }
            await tier_changes.send(key=customer_id, value=change)


if __name__ == "__main__":
    faust.Worker(app, loglevel="warn").execute_from_commandline()
