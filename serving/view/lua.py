"""The Lua scripts that Redis runs for the view: the `.lua` files beside this module.

Redis runs a script whole or not at all, and nothing else meanwhile. So a reader never sees a
customer in two tiers, a crash leaves no half-applied record, and of two projectors that both
believe they own a partition the one that is behind changes nothing. Scripts make the keys that
follow from a customer's id themselves; the hash tag of the prefix keeps all keys in one slot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from serving.view.axes import AXES, MEASURES
from serving.view.keys import FILTERS, ONE_OF, RANKS

APPLIED, MOVED = b"applied", b"moved"
"""What a script answers first: it wrote, or this generation is no longer the one to write to. Any
other answer, `behind`, means that Redis lacks records before those it was given."""

_INCLUDE = re.compile(r"^--#include (\w+)\.lua\n", re.MULTILINE)


def _read(name: str) -> str:
    """A script, with the files it includes in the place of the lines that name them."""
    text = (files(__package__) / f"{name}.lua").read_text("utf-8")
    return _INCLUDE.sub(lambda found: _read(found[1]), text)


def _table(names: Sequence[str]) -> str:
    return "{" + ", ".join(f"'{name}'" for name in names) + "}"


OPEN_GENERATION = _read("open_generation")
START_REBUILD = _read("start_rebuild")
SWITCH_GENERATION = _read("switch_generation")
END_REBUILD = _read("end_rebuild")


def _apply_profiles() -> str:
    axes = ", ".join(f"{letter} = '{axis}'" for axis, letter in AXES.items())
    tables = {"FACETS": ONE_OF, "RANKS": RANKS, "FILTERS": FILTERS, "MEASURES": MEASURES}
    script = _read("apply_profiles").replace("AXES", "{" + axes + "}")
    for placeholder, names in tables.items():
        script = script.replace(placeholder, _table(names))
    return script


APPLY_PROFILES = _apply_profiles()
APPLY_MOVES = _read("apply_moves")
APPLY_LEVELS = _read("apply_levels")
FORGET_CUSTOMERS = _read("forget_customers")
NOTE_PROFILES_COMPLETE = _read("note_profiles_complete")
ADD_ENTRIES = _read("add_entries")
FORGET_TIMELINES = _read("forget_timelines")
ADVANCE_OFFSET = _read("advance_offset")

WALK_RANK = _read("walk_rank")


class Script:
    """Runs a script that takes one key by its digest, also after Redis has forgotten it.

    Args:
        redis: a client that returns bytes.
        source: in Lua.
    """

    def __init__(self, redis: Redis, source: str) -> None:
        self._redis = redis
        self._source = source
        self._sha: str | None = None

    async def run(self, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Run it once for each list of arguments, in order and in one round trip.

        After an error some of the calls may have had their effect.
        """
        try:
            return await self._send(key, calls)
        except NoScriptError:  # Redis was restarted and has forgotten it
            self._sha = None
            return await self._send(key, calls)

    async def _send(self, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        if self._sha is None:
            self._sha = str(await self._redis.script_load(self._source))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for arguments in calls:
                pipeline.evalsha(self._sha, 1, key, *arguments)
            return list(await pipeline.execute())
