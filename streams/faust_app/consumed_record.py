"""A consumed record as a compact object: a worker holds tens of thousands of them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class ConsumedRecord(Struct, gc=False):
    """What is used of aiokafka's `ConsumerRecord`, under the same names.

    It is made in C and has no dictionary. It holds nothing that could refer back to it, so the
    garbage collector need not look at it.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, Any], ...]
