"""Which partition a key belongs to: murmur2, as in Kafka's own producers."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, of a topic with so many partitions."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
