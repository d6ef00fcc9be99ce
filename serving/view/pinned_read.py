"""Reads that are pinned to one generation, also while the view is being replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from serving.view.keys import GenerationKeys, ViewKeys

_ATTEMPTS_MAX = 5


class ViewChanging(RuntimeError):
    """The view was replaced several times during one read, which no normal rebuild does."""


class PinnedReader:
    """Reads from the current generation; all of an answer comes from the same one.

    The generation's number is remembered, and checked in the same round trip as the read. A
    generation is deleted only after another became current, so an answer from one that is being
    deleted is always noticed, and the read repeated.

    Attributes:
        number: the current generation at the last read; None before that, or if there is none.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._keys = ViewKeys(prefix)
        self.number: bytes | None = None

    async def read_all(self, ask: Callable[[Pipeline, GenerationKeys], None]) -> list[Any] | None:
        """The answers to the commands that ``ask`` adds to the pipeline; None if there is no view.

        Raises:
            ViewChanging: the view was replaced again and again.
        """
        for _ in range(_ATTEMPTS_MAX):
            if self.number is None:
                number: Any = await self._redis.get(self._keys.current)
                self.number = number
            if self.number is None:
                return None
            asked = self.number
            async with self._redis.pipeline(transaction=False) as pipeline:
                ask(pipeline, self._keys.generation(asked.decode()))
                pipeline.get(self._keys.current)
                *answers, self.number = await pipeline.execute()
            if self.number == asked:
                return answers
        raise ViewChanging("the view is being replaced again and again")

    async def read(self, ask: Callable[[Pipeline, GenerationKeys], None]) -> Any:
        """The answer to the one command that ``ask`` adds; None if there is no view."""
        answers = await self.read_all(ask)
        return None if answers is None else answers[0]


class GenerationReader:
    """Reads from the current generation; all of an answer comes from the same one.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._view = PinnedReader(redis, prefix)

    @property
    def is_there(self) -> bool:
        """Whether there was a view at the last read; without one nothing is found."""
        return self._view.number is not None
