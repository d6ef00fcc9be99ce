"""Which partition a key belongs to: murmur2, as in Kafka's own producers."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

_SEED = 0x9747B28C
_FACTOR = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, of a topic with so many partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2 of some bytes, 32 bits, as `org.apache.kafka.common.utils.Utils.murmur2` has it.

    aiokafka has it byte by byte, which takes nearly twice as long.
    """
    size = len(data)
    hashed = _SEED ^ size
    words = size >> 2
    for word in _words(words).unpack_from(data):
        mixed = word * _FACTOR & _32_BITS
        mixed = (mixed ^ mixed >> 24) * _FACTOR
        hashed = (hashed * _FACTOR ^ mixed) & _32_BITS
    rest = data[words << 2 :]
    if rest:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * _FACTOR & _32_BITS
    hashed = (hashed ^ hashed >> 13) * _FACTOR & _32_BITS
    return hashed ^ hashed >> 15


@lru_cache(maxsize=256)
def _words(count: int) -> Struct:
    """So many unsigned words of 32 bits, the lowest byte first."""
    return Struct(f"<{count}I")
