"""Faust's assignor, whose members tell each other which formats of states they read.

A member tells it when it joins, beside what Faust tells. The leader of the group tells all of them
the lowest with their partitions, so each knows it as long as its assignment holds. A member that
says nothing reads the first format, and where the leader says nothing that is the lowest: releases
from before there were numbers neither tell nor look, and Faust passes over what it does not know.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from faust.assignor.partition_assignor import PartitionAssignor
from typing_extensions import override

_FIRST = 1
_READS = "reads_format"
_LOWEST = "lowest_format"


class _Reading(Protocol):
    """What the assignor asks of its app."""

    reads_format: int
    """The newest format that this process reads."""


class FormatAssignor(PartitionAssignor):
    """Shares out partitions as Faust does."""

    group_format = _FIRST
    """The newest format that every member of the group reads, as of the last assignment."""

    @override
    def metadata(self, topics: set[str]) -> ConsumerProtocolMemberMetadata:
        """What this member tells when it joins."""
        told = super().metadata(topics)
        reads = cast(_Reading, self.app).reads_format
        data = _with(told.user_data, _READS, reads)
        return ConsumerProtocolMemberMetadata(told.version, told.subscription, data)

    @override
    def assign(
        self,
        cluster: ClusterMetadata,
        member_metadata: Mapping[str, ConsumerProtocolMemberMetadata],
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """What the leader tells each member."""
        told = (member.user_data for member in member_metadata.values())
        lowest = min(_number(data, _READS) for data in told)
        return {
            member: ConsumerProtocolMemberAssignment(
                found.version,
                found.assignment,
                zlib.compress(_with(zlib.decompress(found.user_data), _LOWEST, lowest)),
            )
            for member, found in super().assign(cluster, dict(member_metadata)).items()
        }

    @override
    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Take what the leader tells."""
        super().on_assignment(assignment)
        self.group_format = _number(zlib.decompress(assignment.user_data), _LOWEST)


def _with(data: bytes, name: str, number: int) -> bytes:
    fields: dict[str, Any] = msgspec.json.decode(data)
    return msgspec.json.encode({**fields, name: number})


def _number(data: bytes, name: str) -> int:
    fields: dict[str, Any] = msgspec.json.decode(data)
    return int(fields.get(name, _FIRST))
