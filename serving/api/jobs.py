"""Explanations: read from the state in Kafka, which takes long, so only a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from serving.api.given import Explain, KafkaUnavailable, Unexplained
from serving.api.problems import Problem

_AT_ONCE = 2
_WAITING_MAX = 8


class Explainer:
    """Asks for explanations within limits.

    Args:
        explain: asks for one.
        timeout_s: time that one may take, waiting for its turn included.
        ending: when set, what is under way is given up.
    """

    def __init__(self, explain: Explain, timeout_s: float, ending: asyncio.Event) -> None:
        self._explain = explain
        self._timeout_s = timeout_s
        self._ending = ending
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._asked = 0

    async def explain(self, customer_id: str) -> bytes:
        """The explanation as JSON.

        Raises:
            Problem: there is none, it took too long, or too many are asked for.
        """
        if self._asked >= _AT_ONCE + _WAITING_MAX:
            raise Problem("too-busy", "too many explanations at once", headers={"Retry-After": "5"})
        self._asked += 1
        try:
            async with asyncio.timeout(self._timeout_s), self._turn:
                return await self._unless_ending(customer_id)
        except TimeoutError:
            raise Problem(
                "too-slow", f"the explanation was not there after {self._timeout_s:g} s"
            ) from None
        except Unexplained as reason:
            raise Problem("unknown-customer", str(reason)) from None
        except KafkaUnavailable as error:
            raise Problem(
                "kafka-unavailable", f"no explanation: {error}", headers={"Retry-After": "5"}
            ) from None
        finally:
            self._asked -= 1

    async def _unless_ending(self, customer_id: str) -> bytes:
        asking = asyncio.create_task(_plain(self._explain(customer_id)))
        ending = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise Problem("too-busy", "this process is about to end", headers={"Retry-After": "1"})
        finally:
            asking.cancel()
            ending.cancel()
            # What was begun for it is put away before the process may end.
            await asyncio.gather(asking, ending, return_exceptions=True)


async def _plain(explained: Awaitable[bytes]) -> bytes:
    return await explained
