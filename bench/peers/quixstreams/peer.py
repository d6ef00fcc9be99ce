"""The job in Quix Streams as its documentation has it: a StreamingDataFrame with state.

Choices, each from the documentation of `Application` and of stateful processing:

- Topics are concatenated, so that all events of a customer share a state; the library then aligns
  them by time.
- `commit_interval`: its default of 5 s. Until a commit, changes of a state are held together, so a
  shorter one costs more. `processing_guarantee`: its default, at least once.
- State in RocksDB with a changelog topic, as ever; JSON by orjson, as ever.
- librdkafka: `linger.ms` and `compression.type` for fuller batches, larger fetch queues.
"""

from __future__ import annotations

import sys
from threading import Event
from typing import Any

from quixstreams import Application, message_context
from quixstreams.state import State
from rfm import PlainCustomer, apply, figures_of, read_job

_FIELDS = ("day", "last_order_day", "applied", "tier", "days")

job = read_job(sys.argv[1])
rules = job.rules
started = Event()

app = Application(
    broker_address=job.bootstrap_servers,
    consumer_group=job.group,
    auto_offset_reset="earliest",
    commit_interval=(job.commit_interval_ms or 5_000) / 1_000,
    state_dir=job.folder / "state",
    loglevel="WARNING",
    consumer_extra_config={
        "session.timeout.ms": 10_000,
        "queued.min.messages": 100_000,
        "fetch.message.max.bytes": 4 * 1024 * 1024,
    },
    producer_extra_config={"linger.ms": 50, "compression.type": "lz4"},
)
topics = {
    name: app.topic(topic, key_serializer="str", key_deserializer="str")
    for name, topic in job.topics.items()
}
outputs = {
    "change": topics["tier_changes"],
    "figures": topics["figures"],
}


def classify(event: dict[str, Any], state: State) -> dict[str, Any] | None:
    """Apply an event to its customer, and tell when the tier changes; answer a probe."""
    if not started.is_set():
        started.set()
        job.note_started()
    kept = state.get("customer")
    customer = PlainCustomer(*kept) if kept is not None else PlainCustomer()
    if "type" not in event:
        return {"customer_id": event["customer_id"], **figures_of(customer)._asdict()}
    before = apply(rules, customer, event, message_context().offset)
    state.set("customer", [getattr(customer, name) for name in _FIELDS])
    if before is None:
        return None
    return {"customer_id": event["customer_id"], "previous_tier": before, "tier": customer.tier}


def output_of(told: dict[str, Any], *_: object) -> Any:
    """The topic that takes what was told."""
    return outputs["change" if "previous_tier" in told else "figures"]


frame = app.dataframe(topics["orders"])
for name in ("browse", "support", "probes"):
    frame = frame.concat(app.dataframe(topics[name]))
frame = frame.apply(classify, stateful=True)
frame = frame[frame.apply(lambda told: told is not None)]
frame.to_topic(output_of)

if __name__ == "__main__":
    app.run()
