"""Faust by the batch: its transport, commits, tables, producer and runner. All hooks are here."""

from __future__ import annotations

from streams.faust_app.app import StreamApp, create_app
from streams.faust_app.batch import Batch, Record
from streams.faust_app.commit import OutOfOrderAck
from streams.faust_app.consumer import BatchConsumer, DrainTimeout, Progress
from streams.faust_app.lenient_headers import allow_any_header_name
from streams.faust_app.membership import AssignmentLost, Membership
from streams.faust_app.options import BatchLimits, FaustOptions
from streams.faust_app.private_access import (
    READ_COMMITTED,
    READ_UNCOMMITTED,
    Consumer,
    committed_offsets,
    describe_topics,
    fetch_partition_counts,
    open_records,
    read_positions,
    stable_end,
)
from streams.faust_app.producer import BatchProducer, BufferFull, ProduceFailed
from streams.faust_app.recovery import RestoreTimeout
from streams.faust_app.runner import run_worker
from streams.faust_app.table import (
    PartitionedStore,
    PartitionedTable,
    PartitionState,
    RestoreFailed,
    add_table,
)
from streams.faust_app.topic_guard import TopicChanged, TopicGuard
from streams.faust_app.topic_identity import TopicState, short_id

__all__ = [
    "READ_COMMITTED",
    "READ_UNCOMMITTED",
    "AssignmentLost",
    "Batch",
    "BatchConsumer",
    "BatchLimits",
    "BatchProducer",
    "BufferFull",
    "Consumer",
    "DrainTimeout",
    "FaustOptions",
    "Membership",
    "OutOfOrderAck",
    "PartitionState",
    "PartitionedStore",
    "PartitionedTable",
    "ProduceFailed",
    "Progress",
    "Record",
    "RestoreFailed",
    "RestoreTimeout",
    "StreamApp",
    "TopicChanged",
    "TopicGuard",
    "TopicState",
    "add_table",
    "allow_any_header_name",
    "committed_offsets",
    "create_app",
    "describe_topics",
    "fetch_partition_counts",
    "open_records",
    "read_positions",
    "run_worker",
    "short_id",
    "stable_end",
]
