"""Batches as agents take them: acked later, when what follows from them is durable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol, cast

from streams.faust_app import Batch


class BatchEvent(Protocol):
    """A Faust event whose value is a batch."""

    @property
    def value(self) -> Batch:
        """The batch."""

    def ack(self) -> bool:
        """Tell that the batch is done; batches of one partition in the order they came."""


def batch_events(stream: Any) -> AsyncIterator[BatchEvent]:
    """The batches of an agent's stream; nothing is acked unless `ack` is called."""
    return cast(AsyncIterator[BatchEvent], stream.noack().events())
