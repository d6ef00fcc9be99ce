"""Erasure on request, within limits."""

from __future__ import annotations

import asyncio

from serving.api.given import Erase, KafkaUnavailable
from serving.api.problems import Problem

_TIMEOUT_S = 30.0
_AT_ONCE = 8


class Eraser:
    """Asks for erasures.

    Args:
        erase: asks for one.
    """

    def __init__(self, erase: Erase) -> None:
        self._erase = erase
        self._asked = 0

    async def erase(self, customer_id: str) -> bytes:
        """The receipt as JSON.

        Raises:
            Problem: Kafka did not take it, or not in time: then it may or may not have.
        """
        if self._asked >= _AT_ONCE:
            raise Problem("too-busy", "too many erasures at once", headers={"Retry-After": "2"})
        self._asked += 1
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self._erase(customer_id)
        except (KafkaUnavailable, TimeoutError) as error:
            reason = str(error) or f"no acknowledgement within {_TIMEOUT_S:g} s"
            raise Problem(
                "kafka-unavailable",
                f"the erasure may not be in Kafka, ask again: {reason}",
                headers={"Retry-After": "5"},
            ) from None
        finally:
            self._asked -= 1
