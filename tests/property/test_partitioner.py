"""A key belongs to the partition that Kafka's own producers choose."""

from __future__ import annotations

import aiokafka.partitioner
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.partitioner import murmur2, partition_of


@given(st.binary(max_size=80))
def test_the_hash_is_that_of_kafkas_clients(key: bytes) -> None:
    assert murmur2(key) == aiokafka.partitioner.murmur2(key)


@given(st.binary(max_size=40), st.integers(1, 1_000))
def test_the_partition_is_one_of_the_topic(key: bytes, partitions: int) -> None:
    default = aiokafka.partitioner.DefaultPartitioner()
    numbers = list(range(partitions))
    assert partition_of(key, partitions) == default(key, numbers, numbers)
