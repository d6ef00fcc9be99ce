"""Writing to one generation of the view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from serving import scripts
from serving.chunks import Chunk
from serving.keys import GenerationKeys


class PlaceLost(Exception):
    """Redis is no longer where the writer believes: data was lost there, or readers moved on."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a generation has come in one partition.

    Attributes:
        next_offset: offset of the first record it lacks.
        current_ms: when it last lacked none, in milliseconds since 1970.
    """

    next_offset: int
    current_ms: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the records of some chunks."""

    applied: int = 0
    removed: int = 0
    skipped: int = 0
    coalesced: int = 0


class Generation:
    """A generation that this process may write to, as long as ``right_key`` holds its number.

    Attributes:
        number: its name.
        keys: the names of its keys.
    """

    def __init__(
        self, redis: Redis, number: str, keys: GenerationKeys, right_key: str, extend_ms: int = 0
    ) -> None:
        self.number = number
        self.keys = keys
        self._redis = redis
        self._right_key = right_key
        self._extend_ms = extend_ms
        self._apply_sha: str | None = None

    async def places(self, partitions: Iterable[int]) -> dict[int, Place | None]:
        """How far it has come in each of ``partitions``; None where it has not begun."""
        asked = sorted(partitions)
        if not asked:
            return {}
        names = [f"{name}:{partition}" for partition in asked for name in ("next", "current")]
        values = await self._redis.hmget(self.keys.positions, names)
        return {
            partition: None if offset is None else Place(int(offset), int(current_ms or 0))
            for partition, offset, current_ms in zip(asked, values[::2], values[1::2], strict=True)
        }

    async def current_since_ms(self) -> int | None:
        """When it last lacked nothing, in the partition that is worst; None if it is empty."""
        fields: dict[Any, Any] = await self._redis.hgetall(self.keys.positions)
        return min(
            (int(at) for name, at in fields.items() if name.startswith(b"current:")), default=None
        )

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Note that everything before ``offset`` is known, or gone from the topic."""
        items: list[str | int] = [
            f"next:{partition}",
            offset,
            f"current:{partition}",
            now_ms,
        ]
        await self._redis.hset(self.keys.positions, items=items)

    async def apply(self, chunks: Sequence[Chunk], current_ms: int = 0) -> Applied:
        """Apply chunks in order; those of one partition must follow each other without a gap.

        Whatever was applied before is skipped, so an attempt that broke off can be repeated.

        Args:
            chunks: what to apply; a chunk without records only checks the position.
            current_ms: the wall time, if after these chunks nothing is lacking.

        Raises:
            PlaceLost: look again where the view stands, and go on from there.
        """
        replies = await self._run(chunks, current_ms)
        refused = next((reply[0] for reply in replies if reply[0] != scripts.APPLIED), None)
        if refused == scripts.MOVED:
            raise PlaceLost(f"generation {self.number} is not the one to write to any more")
        if refused is not None:
            raise PlaceLost(f"generation {self.number} lacks records that it had")
        return Applied(
            applied=sum(reply[1] for reply in replies),
            removed=sum(reply[2] for reply in replies),
            skipped=sum(reply[3] for reply in replies),
            coalesced=sum(chunk.coalesced for chunk in chunks),
        )

    async def _run(self, chunks: Sequence[Chunk], current_ms: int) -> list[Any]:
        try:
            return await self._send(chunks, current_ms)
        except NoScriptError:  # Redis was restarted and has forgotten it
            self._apply_sha = None
            return await self._send(chunks, current_ms)

    async def _send(self, chunks: Sequence[Chunk], current_ms: int) -> list[Any]:
        if self._apply_sha is None:
            self._apply_sha = str(await self._redis.script_load(scripts.APPLY))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for chunk in chunks:
                arguments = self._arguments(chunk, current_ms)
                pipeline.evalsha(self._apply_sha, 1, self._right_key, *arguments)
            return list(await pipeline.execute())

    def _arguments(self, chunk: Chunk, current_ms: int) -> list[Any]:
        arguments: list[Any] = [self.number, self.keys.base, self._extend_ms, chunk.partition]
        arguments += (chunk.before, chunk.after, current_ms, len(chunk.records))
        for record in chunk.records:
            arguments += (record.customer_id, record.offset, record.timestamp_ms)
            arguments += (*record.facets, len(record.fields), *record.fields)
        return arguments
