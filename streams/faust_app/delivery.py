"""How an agent takes batches that it acks itself, later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import faust
from faust.types import EventT, StreamT

from streams.faust_app.batch import Batch


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch and the duty to ack it.

    Keep it until then: Faust knows what is in flight by weak references only, so a rebalance would
    not wait for a batch whose delivery was dropped.
    """

    batch: Batch
    event: EventT[Any]

    def ack(self) -> None:
        """Everything that follows from the batch is durable: its position may be committed.

        Raises:
            OutOfOrderAck: an earlier batch of the partition is not acked.
        """
        self.event.ack()


async def deliveries(stream: StreamT[Any]) -> AsyncIterator[Delivery]:
    """The batches of an agent's stream; ``async for batch in stream`` would ack each at its end."""
    async for event in cast(faust.Stream[Any], stream).noack().events():
        yield Delivery(cast(Batch, event.value), event)
