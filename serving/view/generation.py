"""Writes profiles to one generation of the view, and stores the offsets it has reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec
from redis.asyncio import Redis

from serving.view import lua
from serving.view.chunks import Chunk
from serving.view.keys import FORM, GenerationKeys
from serving.view.profile_record import ProfileRecord


@dataclass(frozen=True, slots=True)
class StoredOffset:
    """How far Redis is in one partition.

    Attributes:
        next_offset: offset of the first record that Redis lacks.
        current_ms: when it last lacked none, in milliseconds since 1970.
    """

    next_offset: int
    current_ms: int


class StoredOffsets:
    """The stored offsets of all partitions: a hash that scripts update together with the data.

    Args:
        redis: a client that returns bytes.
        key: the name of the hash.
    """

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    async def of(self, partitions: Iterable[int]) -> dict[int, StoredOffset | None]:
        """The stored offset of each of ``partitions``; None where there is none."""
        asked = sorted(partitions)
        if not asked:
            return {}
        names = [f"{name}:{partition}" for partition in asked for name in ("next", "current")]
        values = await self._redis.hmget(self._key, names)
        return {
            partition: None if offset is None else StoredOffset(int(offset), int(current_ms or 0))
            for partition, offset, current_ms in zip(asked, values[::2], values[1::2], strict=True)
        }

    async def current_since_ms(self) -> int | None:
        """When no record was lacking, in the partition that is furthest behind; None if empty."""
        fields: dict[Any, Any] = await self._redis.hgetall(self._key)
        return min(
            (int(at) for name, at in fields.items() if name.startswith(b"current:")), default=None
        )

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Store ``offset``: all records before it are applied, or gone from the topic."""
        items: list[str | int] = [f"next:{partition}", offset, f"current:{partition}", now_ms]
        await self._redis.hset(self._key, items=items)


_pack = msgspec.msgpack.Encoder().encode


class StaleWriter(Exception):
    """A write was refused: Redis lost data since, or the generation was replaced."""


@dataclass(frozen=True, slots=True)
class Applied:
    """How many records of some chunks had which outcome."""

    applied: int = 0
    removed: int = 0
    skipped: int = 0
    coalesced: int = 0


R_contra = TypeVar("R_contra", contravariant=True)


class ViewWriter(Protocol[R_contra]):
    """Writes the part of a generation that comes from one topic."""

    async def stored_offsets(self, partitions: Iterable[int]) -> dict[int, StoredOffset | None]:
        """The stored offset of each of ``partitions``; None where there is none."""

    async def may_begin(self, partitions: Iterable[int], /) -> bool:
        """Whether everything that must be written before these partitions is there."""

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Store ``offset``: all records before it are applied, or gone from the topic."""

    async def apply(self, chunks: Sequence[Chunk[R_contra]], current_ms: int = 0) -> Applied:
        """Apply chunks in order; those of one partition must follow each other without a gap.

        What was applied before is skipped, so a failed attempt can be repeated.

        Args:
            chunks: what to apply; a chunk without records only checks the stored offset.
            current_ms: the wall time, if after these chunks Redis lacks nothing; else 0.

        Raises:
            StaleWriter: read the stored offsets again, and resume from there.
        """


class Generation:
    """A generation that this process may write to, as long as ``lease_key`` holds its number.

    Attributes:
        number: its name.
        keys: the names of its keys.
        lease_key: the key that must hold its number for a write to be accepted.
        extend_ms: by how much each write extends that lease; 0 where it does not expire.
    """

    def __init__(
        self, redis: Redis, number: str, keys: GenerationKeys, lease_key: str, extend_ms: int = 0
    ) -> None:
        self.number = number
        self.keys = keys
        self.lease_key = lease_key
        self.extend_ms = extend_ms
        self._redis = redis
        self._offsets = StoredOffsets(redis, keys.positions)
        self._script = lua.Script(redis, lua.APPLY_PROFILES)

    async def stored_offsets(self, partitions: Iterable[int]) -> dict[int, StoredOffset | None]:
        """The stored offset of each of ``partitions``; None where there is none."""
        return await self._offsets.of(partitions)

    async def current_since_ms(self) -> int | None:
        """When no record was lacking, in the partition that is furthest behind; None if empty."""
        return await self._offsets.current_since_ms()

    async def has_another_form(self) -> bool:
        """Whether it was filled by a version of Tierstream that stored other things in it."""
        fields: dict[Any, Any] = await self._redis.hgetall(self.keys.positions)
        return bool(fields) and fields.get(b"form") != FORM.encode()

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Store ``offset``: all records before it are applied, or gone from the topic."""
        await self._redis.hset(self.keys.positions, "form", FORM)
        await self._offsets.begin(partition, offset, now_ms)

    async def apply(self, chunks: Sequence[Chunk[ProfileRecord]], current_ms: int = 0) -> Applied:
        """Apply chunks in order; those of one partition must follow each other without a gap.

        What was applied before is skipped, so a failed attempt can be repeated.

        Args:
            chunks: what to apply; a chunk without records only checks the stored offset.
            current_ms: the wall time, if after these chunks Redis lacks nothing; else 0.

        Raises:
            StaleWriter: read the stored offsets again, and resume from there.
        """
        calls = [self._arguments(chunk, current_ms) for chunk in chunks]
        replies = await self._script.run(self.lease_key, calls)
        check(replies, self.number)
        return Applied(
            applied=sum(reply[1] for reply in replies),
            removed=sum(reply[2] for reply in replies),
            skipped=sum(reply[3] for reply in replies),
            coalesced=sum(chunk.coalesced for chunk in chunks),
        )

    def _arguments(self, chunk: Chunk[ProfileRecord], current_ms: int) -> list[Any]:
        arguments: list[Any] = [self.number, self.keys.base, self.extend_ms, chunk.partition]
        records = _pack([record.texts() for record in chunk.records])
        return [*arguments, chunk.before, chunk.after, current_ms, records]


def check(replies: Sequence[Any], number: str) -> None:
    """Check that every script call was accepted.

    Args:
        replies: of the script, one for each call.
        number: of the generation, for the message.

    Raises:
        StaleWriter: one was refused.
    """
    refused = next((reply[0] for reply in replies if reply[0] != lua.APPLIED), None)
    if refused == lua.MOVED:
        raise StaleWriter(f"generation {number} is not the one to write to any more")
    if refused is not None:
        raise StaleWriter(f"generation {number} lacks records that it had")
