"""Requests that take work in Kafka, within limits: explanations and erasures.

The API does not know how either is done: the command that starts it passes that in, as `Ports`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scoring.policy import Policy
from serving.api.problems import Problem

_EXPLANATIONS_AT_ONCE = 2
_EXPLANATIONS_WAITING_MAX = 8
_ERASURES_AT_ONCE = 8
_ERASURE_TIMEOUT_S = 30.0
_POLICY_TIMEOUT_S = 15.0
_POLICY_KEPT_S = 10.0

Explain = Callable[[str], Awaitable[bytes]]
"""Returns what `tierstream explain --json` prints for a customer, read from Kafka.

Raises `Unexplained` or `KafkaUnavailable`; ends what it began when it is cancelled.
"""

Erase = Callable[[str], Awaitable[bytes]]
"""Writes a `customer.erased` event; returns the receipt as JSON once Kafka has acknowledged it.

Raises `KafkaUnavailable` if it did not, or not surely.
"""


ReadPolicy = Callable[[], Awaitable[Policy | None]]
"""Returns the policy in force, read from Kafka; None if no worker has one yet.

Raises `KafkaUnavailable`.
"""


class Unexplained(Exception):
    """There is no state of this customer; the message is one sentence."""


class KafkaUnavailable(Exception):
    """Kafka does not answer, or refuses; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the rest of the program does for the API.

    Attributes:
        explain: explains a customer's state.
        erase: writes the request to erase a customer.
        policy: reads the policy in force.
    """

    explain: Explain
    erase: Erase
    policy: ReadPolicy


class ExplainJobs:
    """Runs explanations, a limited number at once.

    Args:
        explain: makes one.
        timeout_s: time that one may take, waiting for its turn included.
        ending: when set, explanations under way are cancelled.
    """

    def __init__(self, explain: Explain, timeout_s: float, ending: asyncio.Event) -> None:
        self._explain = explain
        self._timeout_s = timeout_s
        self._ending = ending
        self._turn = asyncio.Semaphore(_EXPLANATIONS_AT_ONCE)
        self._asked = 0

    async def explain(self, customer_id: str) -> bytes:
        """The explanation as JSON.

        Raises:
            Problem: there is none, it took too long, or too many are asked for.
        """
        if self._asked >= _EXPLANATIONS_AT_ONCE + _EXPLANATIONS_WAITING_MAX:
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
        asking = asyncio.create_task(_awaited(self._explain(customer_id)))
        ending = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise Problem("too-busy", "this process is about to end", headers={"Retry-After": "1"})
        finally:
            asking.cancel()
            ending.cancel()
            # Its child process must have ended before this process ends.
            await asyncio.gather(asking, ending, return_exceptions=True)


async def _awaited(explained: Awaitable[bytes]) -> bytes:
    return await explained


class EraseJobs:
    """Writes requests to erase customers, a limited number at once.

    Args:
        erase: writes one.
    """

    def __init__(self, erase: Erase) -> None:
        self._erase = erase
        self._asked = 0

    async def erase(self, customer_id: str) -> bytes:
        """The receipt as JSON.

        Raises:
            Problem: Kafka did not take it, or not in time: then it may or may not have.
        """
        if self._asked >= _ERASURES_AT_ONCE:
            raise Problem("too-busy", "too many erasures at once", headers={"Retry-After": "2"})
        self._asked += 1
        try:
            async with asyncio.timeout(_ERASURE_TIMEOUT_S):
                return await self._erase(customer_id)
        except (KafkaUnavailable, TimeoutError) as error:
            reason = str(error) or f"no acknowledgement within {_ERASURE_TIMEOUT_S:g} s"
            raise Problem(
                "kafka-unavailable",
                f"the erasure may not be in Kafka, ask again: {reason}",
                headers={"Retry-After": "5"},
            ) from None
        finally:
            self._asked -= 1


class PolicyJob:
    """Reads the policy in force, and keeps it for some seconds; one read at a time.

    Args:
        read: reads it.
        clock: seconds that never go back.
    """

    def __init__(self, read: ReadPolicy, clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._turn = asyncio.Lock()
        self._kept: Policy | None = None
        self._read_at_s = -_POLICY_KEPT_S

    async def policy(self) -> Policy:
        """The policy by which workers decide, at most some seconds old.

        Raises:
            Problem: there is none yet, or Kafka does not answer.
        """
        try:
            async with asyncio.timeout(_POLICY_TIMEOUT_S), self._turn:
                await self._refresh()
        except (KafkaUnavailable, TimeoutError) as error:
            reason = str(error) or f"no answer within {_POLICY_TIMEOUT_S:g} s"
            raise Problem("kafka-unavailable", reason, headers={"Retry-After": "5"}) from None
        if self._kept is None:
            raise Problem("no-policy", "no worker has decided by a policy yet")
        return self._kept

    async def _refresh(self) -> None:
        if self._kept is None or self._clock() - self._read_at_s >= _POLICY_KEPT_S:
            self._kept = await self._read()
            self._read_at_s = self._clock()
