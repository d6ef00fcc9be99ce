"""Which changes a stream sends."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from handlers.outputs import BIRTHDAY_UPCOMING
from serving.api.sse.position import Partition
from streams.kafka.partitioner import partition_of


class _Data(msgspec.Struct):
    tier: str | None = None
    suppressed: str | None = None


class _Change(msgspec.Struct):
    type: str
    subject: str
    data: _Data


_decode = msgspec.json.Decoder(_Change).decode


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Lets some changes through; an empty set lets all through.

    Attributes:
        topics: names without the prefix, at least one.
        types: of events.
        customers: ids.
        tiers: of the customer after the change; changes without a tier are left out then.
        actionable: leaves out what is marked as not to be acted on.
        sees_attributes: False leaves out birthdays: date and age give the date of birth.
    """

    topics: frozenset[str]
    types: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    actionable: bool = False
    sees_attributes: bool = True

    def partitions(self, counts: dict[str, int]) -> list[Partition]:
        """The partitions to read, of topics with so many partitions each."""
        return [
            (topic, partition)
            for topic in sorted(self.topics)
            for partition in self._partitions(counts[topic])
        ]

    def type_of(self, value: bytes | None) -> str | None:
        """The type of a record that passes; None for one that does not, or is no change."""
        if value is None:
            return None
        try:
            change = _decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        chosen = (
            (not self.types or change.type in self.types)
            and (not self.customers or change.subject in self.customers)
            and (not self.tiers or change.data.tier in self.tiers)
            and (not self.actionable or change.data.suppressed is None)
            and (self.sees_attributes or change.type != BIRTHDAY_UPCOMING)
        )
        return change.type if chosen else None

    def _partitions(self, count: int) -> list[int]:
        """All, or those that the chosen customers belong to: Kafka's own choice by the key."""
        if not self.customers:
            return list(range(count))
        return sorted({partition_of(customer.encode(), count) for customer in self.customers})
