"""What the API asks of the rest of the program, which it does not know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from aiokafka.client import AIOKafkaClient

Explain = Callable[[str], Awaitable[bytes]]
"""Gives what `tierstream explain --json` gives for a customer, read from Kafka.

Raises `Unexplained` or `KafkaUnavailable`; ends what it began when it is cancelled.
"""

Erase = Callable[[str], Awaitable[bytes]]
"""Writes a `customer.erased` event, and gives the receipt as JSON once Kafka has acknowledged it.

Raises `KafkaUnavailable` if it did not, or not surely.
"""

TopicIds = Callable[[AIOKafkaClient, Collection[str]], Awaitable[Mapping[str, str]]]
"""Asks the brokers for the ids of topics by their full names; empty where they have none."""


class Unexplained(Exception):
    """There is no state of this customer; the message is one sentence."""


class KafkaUnavailable(Exception):
    """Kafka does not answer, or refuses; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Given:
    """The rest of the program.

    Attributes:
        explain: explains a customer's state.
        erase: asks for an erasure.
        receipt: the type that its receipts are the JSON of.
        identify: tells incarnations of topics.
    """

    explain: Explain
    erase: Erase
    receipt: type
    identify: TopicIds
