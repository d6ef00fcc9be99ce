"""Where in the worker a process under test dies or freezes when told to: wraps what runs there.

`WRAPPED` names every attribute used, so that a test fails when one of them is renamed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from handlers.state.customer import MERGED, unpack_head
from streams.engine.flush_batch import FlushBatch
from streams.engine.flusher import Flusher
from streams.engine.owned_partition import OwnedPartition
from streams.faust_app import BatchProducer
from streams.faust_app.consumer_thread import BatchConsumerThread
from streams.kafka.topics import CUSTOMER_EVENTS
from streams.runtime.metrics import FlushStep
from tests.harness.controls import Controls

WRAPPED: tuple[tuple[type[Any], str, tuple[str, ...]], ...] = (
    (OwnedPartition, "take", ("self", "event", "now_ms")),
    (OwnedPartition, "restore", ("self", "batch")),
    (Flusher, "_step", ("self", "name", "partition", "batch", "records_of")),
    (BatchProducer, "deliver", ("self", "pending")),
    (BatchProducer, "_send", ("self", "tp", "batches")),
    (BatchConsumerThread, "_commit", ("self", "offsets")),
)
"""Class, method and parameters of everything that is wrapped."""

STEPS: dict[str, tuple[str, Callable[[FlushBatch], object]]] = {
    "outputs": ("after_outputs", lambda batch: batch.outputs),
    "claim": ("after_claim", lambda batch: batch.ownership_record),
    "state": ("after_state", lambda batch: batch.states),
    "profiles": ("after_profiles", lambda batch: batch.profiles),
    "meta": ("after_meta", lambda batch: batch.meta),
}
"""Each step of a flush: the point behind it, and what it wrote, without which it does not count."""


def install(controls: Controls) -> None:
    """Wrap everything, in this process."""
    _after(OwnedPartition, "take", controls, "after_apply")
    _after(OwnedPartition, "restore", controls, "amid_restore")
    _wrap_steps(controls)
    _wrap_producer(controls)
    _wrap_commit(controls)


def _after(owner: type[Any], name: str, controls: Controls, point: str) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*arguments: Any) -> Any:
        found = original(*arguments)
        controls.reach(point)
        return found

    _put(owner, name, wrapped)


def _put(owner: type[Any], name: str, wrapped: Callable[..., Any]) -> None:
    setattr(owner, name, wrapped)


def _wrap_steps(controls: Controls) -> None:
    original = Flusher._step

    @wraps(original)
    async def step(
        flusher: Flusher,
        name: FlushStep,
        partition: OwnedPartition,
        batch: FlushBatch,
        records_of: Any,
    ) -> None:
        passes_on = name == "outputs" and bool(batch.envelopes)
        if passes_on:
            controls.reach("before_forwarding")
        await original(flusher, name, partition, batch, records_of)
        if passes_on:
            controls.reach("after_forwarding")
        if name == "state":
            _reach_markers(controls, batch)
        if name not in STEPS:
            return  # an owner claims once, which is no point of its own
        point, written = STEPS[name]
        if written(batch):
            controls.reach(point)

    _put(Flusher, "_step", step)


def _reach_markers(controls: Controls, batch: FlushBatch) -> None:
    """The states of who is gone are written."""
    if not controls.is_armed:
        return  # a look into each state costs time
    heads = [unpack_head(packed) for _, packed in batch.states if packed is not None]
    if any(head.stage == MERGED for head in heads):
        controls.reach("after_marker")
    if any(head.erased for head in heads):
        controls.reach("after_erasure")


def _wrap_producer(controls: Controls) -> None:
    deliver, send = BatchProducer.deliver, BatchProducer._send

    def belongs_to(producer: BatchProducer, agent: str) -> bool:
        return str(producer._producer.client._client_id).endswith(f"-{agent}")

    @wraps(deliver)
    async def delivered(producer: BatchProducer, pending: Any) -> Any:
        written = await deliver(producer, pending)
        if written and belongs_to(producer, "ingest"):
            controls.reach("after_forward")
        return written

    @wraps(send)
    async def sent(producer: BatchProducer, tp: Any, batches: Any) -> int:
        last_offset = await send(producer, tp, batches)
        if belongs_to(producer, "engine"):
            controls.reach("amid_flush")
            if tp.topic.endswith(CUSTOMER_EVENTS):
                controls.reach("amid_forwarding")
        return last_offset

    _put(BatchProducer, "deliver", delivered)
    _put(BatchProducer, "_send", sent)


def _wrap_commit(controls: Controls) -> None:
    original = BatchConsumerThread._commit

    @wraps(original)
    async def commit(thread: BatchConsumerThread, offsets: Any) -> Any:
        controls.reach("before_commit")
        committed = await original(thread, offsets)
        controls.reach("after_commit")
        return committed

    _put(BatchConsumerThread, "_commit", commit)
