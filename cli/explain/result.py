"""Reads a customer's state, from Kafka or after a backtest, and explains it."""

from __future__ import annotations

import msgspec

from config.settings import Settings
from handlers.explain.build import explain as explanation_of
from handlers.explain.model import Explanation
from handlers.partition import Partition
from streams.changelog import read_customer


class NothingToExplain(Exception):
    """There is no state, or none that fits the policy; the message is one sentence."""


class Erased(msgspec.Struct, frozen=True):
    """The result for an erased customer.

    Attributes:
        customer_id: who was erased.
        position: ``applied`` is the offset of the erasure in the log.
        erased: true.
    """

    customer_id: str
    erased: bool
    position: dict[str, int]


class Merged(msgspec.Struct, frozen=True):
    """The result for a customer who was merged into another.

    Attributes:
        customer_id: who was merged.
        merged_into: the surviving customer, if that one was not merged as well.
        position: ``applied`` is the offset of the merge in the log.
    """

    customer_id: str
    merged_into: str
    position: dict[str, int]


async def explained(settings: Settings, customer_id: str) -> Explanation | Erased | Merged:
    """Read a customer's partition and explain the customer.

    Raises:
        NothingToExplain: no event of the customer was accepted, or a policy is just being changed.
        StateUnreadable: no worker wrote a checkpoint of this partition yet.
        BrokerUnreachable, TopicsUnusable, KafkaError: Kafka does not answer, or lacks topics.
    """
    return explained_in(await read_customer(settings, customer_id), customer_id)


def explained_in(partition: Partition, customer_id: str) -> Explanation | Erased | Merged:
    """Explain a customer of a partition.

    Raises:
        NothingToExplain: no event of the customer was accepted, or a policy is just being changed.
    """
    state = partition.store.get(customer_id)
    if state is None:
        raise NothingToExplain(f"no event of customer {customer_id!r} was accepted so far")
    if state.erased:
        return Erased(customer_id, erased=True, position={"applied": state.applied})
    if state.merged_into is not None:
        return Merged(
            customer_id, state.merged_into.into, position={"applied": state.merged_into.offset}
        )
    standing = partition.standing_of(state)
    if state.tier not in standing.rules.rank:
        raise NothingToExplain(
            "a new policy is being put in force at this moment; ask again in a second"
        )
    return explanation_of(state, standing.rules, standing.now_ms)
