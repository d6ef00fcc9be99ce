"""aiokafka's consumer, with a stop that always comes to its end."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer
from typing_extensions import override


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # a package without types
    """Use it in place of `AIOKafkaConsumer`.

    aiokafka cancels its requests when it stops, and awaits them. One that is about to be repeated,
    because a broker is away, hands the cancellation on to whoever stops the consumer. Then the
    connections would stay open, and the reason for the stop would be lost behind a cancellation
    that nobody asked for.
    """

    @override
    async def stop(self) -> None:
        """Close it, as aiokafka says."""
        try:
            await super().stop()
        except asyncio.CancelledError:
            await self._client.close()
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
