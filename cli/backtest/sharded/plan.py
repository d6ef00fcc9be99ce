"""Which process takes a line, and how far time has come with it.

Time follows the events that are accepted, and only the process of a customer knows whether one is.
So the plan assumes that what can be used moves time. A process that finds otherwise says so; then
all begin anew with what is known by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

from cli.backtest.files import Line
from cli.backtest.run import BacktestOptions
from cli.backtest.usual import usual_event
from handlers.decode.decode import decode
from handlers.decode.policy_checks import check_values
from handlers.events import CustomerMerged
from handlers.reasons import Rejection
from scoring.rules import Rules
from scoring.timestamps import NEVER_MS


class MergedApart(Exception):
    """A merge of customers who are at different processes: they are one family from now on."""


class Planned(NamedTuple):
    """A line with its place in the log, its process, and the newest event time after it."""

    offset: int
    line: Line
    shard: int
    newest_ms: int


class Families:
    """Customers who are merged into each other, and are at one process for that."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def head(self, customer_id: str) -> str:
        """The customer who stands for the family."""
        while (parent := self._parents.get(customer_id, customer_id)) != customer_id:
            customer_id = parent
        return customer_id

    def join(self, one: str, other: str) -> bool:
        """Make one family of two customers; whether they were not before."""
        first, second = self.head(one), self.head(other)
        if first == second:
            return False
        self._parents[max(first, second)] = min(first, second)
        return True


class Plan:
    """What is known of a file before it is run.

    Attributes:
        families: of its customers.
        refused: the offsets of lines that do not move time though they look as if they did.
    """

    def __init__(self, options: BacktestOptions, shards: int) -> None:
        self.families = Families()
        self.refused: set[int] = set()
        self._options = options
        self._rules = Rules(options.policy)
        self._shards = shards

    def lines(self, lines: Iterable[Line]) -> Iterator[Planned]:
        """The lines in turn.

        Raises:
            MergedApart: a family was not known; the next time it is.
        """
        newest_ms, limits, until_ms = NEVER_MS, self._options.limits, self._options.until_ms
        is_apart = False
        for offset, line in enumerate(lines, 1):
            raw = line.raw
            if not raw or raw.isspace():
                yield Planned(offset, line, offset % self._shards, newest_ms)
                continue
            event = usual_event(raw, limits) or decode(raw, None, limits, with_content=False)
            if isinstance(event, Rejection):
                yield Planned(offset, line, offset % self._shards, newest_ms)
                continue
            if type(event) is CustomerMerged:
                is_apart = self.families.join(event.customer_id, event.into) or is_apart
            occurred_ms = event.occurred_ms
            if (
                occurred_ms > newest_ms
                and (until_ms is None or occurred_ms <= until_ms)
                and offset not in self.refused
                and check_values(event, self._rules) is None
            ):
                newest_ms = occurred_ms
            if not is_apart:
                yield Planned(offset, line, self._shard(event.customer_id), newest_ms)
        if is_apart:
            raise MergedApart

    def _shard(self, customer_id: str) -> int:
        return crc32(self.families.head(customer_id).encode()) % self._shards
