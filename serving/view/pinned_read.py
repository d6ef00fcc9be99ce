"""Reading from the generation that is current, also while it is being replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from serving.view.keys import GenerationKeys, ViewKeys

_ATTEMPTS_MAX = 5


class ViewChanging(RuntimeError):
    """The view was replaced several times during one read; nothing that happens by itself."""


class Following:
    """Asks the current generation, so that all of an answer comes from the same one.

    The generation is remembered and checked in the same round trip as the read. One that was
    replaced is deleted only after the pointer was moved, so an answer from what is being deleted
    is always noticed, and asked again.

    Attributes:
        number: the generation that was current last; None before the first read, or without any.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._keys = ViewKeys(prefix)
        self.number: bytes | None = None

    async def read_all(self, ask: Callable[[Pipeline, GenerationKeys], None]) -> list[Any] | None:
        """The answers to all that ``ask`` puts into the pipeline; None if there is no view yet.

        Raises:
            ViewChanging: see there.
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
        """The answer to the one thing that ``ask`` asks; None if there is no view yet."""
        answers = await self.read_all(ask)
        return None if answers is None else answers[0]
