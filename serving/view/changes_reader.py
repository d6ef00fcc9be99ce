"""Reads the changes of the view: moves between tiers by day, and who reached which level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from scoring.calendar import DAY_MS
from scoring.dormancy import LEVELS
from serving.view.axes import LOW_LIMIT
from serving.view.change_records import day_of
from serving.view.cursor import LevelAfter, level_after, level_cursor
from serving.view.figures_reader import DECIMALS_DEFAULT, amount_text, ask_decimals, decimals_of
from serving.view.keys import GenerationKeys, levels_keys, moves_keys
from serving.view.lua import WALK_RANK
from serving.view.pinned_read import GenerationReader
from serving.view.query import AnyOf

LIMIT_MAX = 500
"""The most customers of a page."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A customer who reached a level.

    Attributes:
        customer_id: who it is.
        at_ms: when, in milliseconds since 1970.
    """

    customer_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ReachedPage:
    """Some of the customers who reached a level.

    A page may have fewer customers than asked for, even none, and still not be the last: the work
    for one page has a limit.

    Attributes:
        customers: the latest first.
        cursor: for the next page; None after the last.
    """

    customers: tuple[Reached, ...]
    cursor: str | None


class Move(NamedTuple):
    """A move between tiers, for one reason.

    Attributes:
        previous_tier: the tier left.
        tier: the tier reached.
        reason: of the change, as in `tier.changed`.
    """

    previous_tier: str
    tier: str
    reason: str


@dataclass(frozen=True, slots=True)
class Migration:
    """How often each move was made in a period.

    Attributes:
        first_day: from this day on (UTC, by `effective_at`).
        last_day: up to the end of this day.
        counts: moves made at least once, and how often, sorted by tier and reason.
        complete_from: counts of days before this one are missing or too low; None if nothing is
            known of any day.
        by_day: as `counts`, of each day that has moves, in their order.
        spend: what the customers who made each move on each day had spent in the window then, in
            ten-thousandths of the currency; who moved twice counts twice.
        decimals: of an amount of the currency.
    """

    first_day: date
    last_day: date
    counts: tuple[tuple[Move, int], ...]
    complete_from: date | None
    by_day: tuple[tuple[date, tuple[tuple[Move, int], ...]], ...] = ()
    spend: Mapping[date, Mapping[Move, int]] = field(default_factory=dict)
    decimals: int = DECIMALS_DEFAULT

    @property
    def is_complete(self) -> bool:
        """Whether all days are known in full."""
        return self.complete_from is None or self.first_day >= self.complete_from

    def spend_of(self, move: Move, day: date | None = None) -> str:
        """Decimal text of what the customers who made a move had spent; of all days without one."""
        days = [self.spend.get(day, {})] if day is not None else self.spend.values()
        return amount_text(sum(found.get(move, 0) for found in days), self.decimals)

    def matrix(self) -> dict[str, dict[str, int]]:
        """How often customers moved, by the tier left and then by the tier reached."""
        matrix: dict[str, dict[str, int]] = {}
        for move, count in self.counts:
            row = matrix.setdefault(move.previous_tier, {})
            row[move.tier] = row.get(move.tier, 0) + count
        return matrix

    def by_reason(self) -> dict[str, int]:
        """How often customers moved, by reason."""
        sums: Counter[str] = Counter()
        for move, count in self.counts:
            sums[move.reason] += count
        return dict(sorted(sums.items()))


def total_counts(days: Iterable[Mapping[Move, int]]) -> tuple[tuple[Move, int], ...]:
    """The sums of the counts of several days, sorted by move."""
    sums: Counter[Move] = Counter()
    for day in days:
        sums.update(day)
    return tuple(sorted(sums.items()))


DAYS_MAX = 3_660
"""The longest period of a migration."""

_LOOKED_AT_MAX = 1_000
_LOSSES = (b"gap:", b"gone:")
_NOTHING = msgspec.msgpack.encode([])
_decode_move = msgspec.json.Decoder(Move).decode


class ChangesReader(GenerationReader):
    """Reads what changed.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
        kept_ms: how long changes are kept, in milliseconds; the same value as for the writer.
    """

    def __init__(self, redis: Redis, prefix: str, kept_ms: int) -> None:
        super().__init__(redis, prefix)
        self._kept_days = kept_ms // DAY_MS

    async def migration(self, first_day: date, last_day: date) -> Migration:
        """How often each move between tiers was made in a period.

        Args:
            first_day: the first of the period (UTC, by `effective_at`).
            last_day: the last of the period.

        Raises:
            ValueError: the period ends before it begins, or is longer than `DAYS_MAX` days.
            ViewChanging: the view was replaced again and again.
        """
        if not 0 <= (last_day - first_day).days < DAYS_MAX:
            raise ValueError(f"a period has 1 to {DAYS_MAX} days, its first not after its last")

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            ask_decimals(pipeline, keys)
            pipeline.hgetall(moves_keys(keys).positions)
            for day in _days(first_day, last_day):
                pipeline.hgetall(moves_keys(keys).day(day))
                pipeline.hgetall(moves_keys(keys).spend(day))

        decimals, positions, *answers = await self._view.read_all(ask) or ((), {})
        days = [
            {_decode_move(move): int(count) for move, count in day.items()} for day in answers[::2]
        ]
        spend = {
            day: _spend(parts)
            for day, parts in zip(_days(first_day, last_day), answers[1::2], strict=False)
            if parts
        }
        by_day = tuple(
            (day, total_counts([moves]))
            for day, moves in zip(_days(first_day, last_day), days, strict=False)
            if moves
        )
        complete_from = self._complete_from(positions)
        return Migration(
            first_day,
            last_day,
            total_counts(days),
            complete_from,
            by_day,
            spend,
            decimals_of(decimals),
        )

    async def reached(
        self,
        level: str,
        from_ms: int,
        until_ms: int,
        *,
        where: Sequence[AnyOf] = (),
        cursor: str | None = None,
        limit: int = 50,
    ) -> ReachedPage:
        """Customers who reached a level in a period and are still at it, the latest first.

        Args:
            level: ``active`` (again), ``at_risk``, ``dormant`` or ``churned``.
            from_ms: the first instant, in milliseconds since 1970.
            until_ms: the first instant that is too late.
            where: filters that must hold.
            cursor: of the page before; None for the first page.
            limit: the most customers of a page.

        Raises:
            BadCursor: the cursor cannot be used.
            ValueError: the level is unknown, or the limit out of bounds.
            ViewChanging: the view was replaced again and again.
        """
        if level not in LEVELS:
            raise ValueError(f"{level} is none of {', '.join(LEVELS)}")
        if not 1 <= limit <= LIMIT_MAX:
            raise ValueError(f"a page has 1 to {LIMIT_MAX} customers")
        after = level_after(level, cursor)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            # An order ends `at_risk` without a record on the topic; the profile has the new level.
            sets = [[keys.members(one.facet, value) for value in one.values] for one in where]
            at_it = msgspec.msgpack.encode([[keys.members("level", level)], *sets])
            at, last = ("", b"") if after is None else (after.at_ms, after.customer_id)
            bounds = (1, from_ms, until_ms - 1, at, last, _LOOKED_AT_MAX, limit)
            pipeline.eval(WALK_RANK, 1, levels_keys(keys).reached(level), *bounds, at_it, _NOTHING)

        answer = await self._view.read(ask)
        if answer is None:
            return ReachedPage((), None)
        kept, at_ms, customer_id, is_last = answer
        found = tuple(
            Reached(one.decode(), int(at)) for one, at in zip(kept[::2], kept[1::2], strict=True)
        )
        if is_last:
            return ReachedPage(found, None)
        return ReachedPage(found, level_cursor(level, LevelAfter(int(at_ms), customer_id)))

    def _complete_from(self, positions: Mapping[bytes, bytes]) -> date | None:
        firsts = [
            day_of(int(at)) + timedelta(days=1)
            for name, at in positions.items()
            if name.startswith(_LOSSES)
        ]
        if (newest := positions.get(b"newest")) is not None:
            firsts.append(day_of(int(newest)) - timedelta(days=self._kept_days - 1))
        return max(firsts, default=None)


def _spend(parts: Mapping[bytes, bytes]) -> dict[Move, int]:
    sums: Counter[Move] = Counter()
    for name, number in parts.items():
        part, _, move = name.partition(b":")
        sums[_decode_move(move)] += int(number) * (LOW_LIMIT if part == b"high" else 1)
    return dict(sums)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
