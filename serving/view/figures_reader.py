"""Reads the figures of the view: sums and counts by facet and axis, and the falls to come.

All of it is kept by the projector with each profile, so no customer is looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio.client import Pipeline

from handlers.profile.attributes import KNOWN_NAMES
from serving.view.axes import AXES, LOW_LIMIT, MEASURES, SCALE
from serving.view.keys import FACETS, FILTERS, ONE_OF, GenerationKeys
from serving.view.pinned_read import GenerationReader

VALUES_MAX = 1_000
"""The most values of an axis in an answer."""

DECIMALS_DEFAULT = 2
"""Decimals of an amount where no profile tells."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What some customers have together.

    Attributes:
        customers: how many they are.
        orders: counted orders in the window.
        spend: their value, in ten-thousandths of the currency.
        orders_ever: counted orders of all time.
        spend_ever: their value, in ten-thousandths of the currency.
        points: points they hold.
    """

    customers: int = 0
    orders: int = 0
    spend: int = 0
    orders_ever: int = 0
    spend_ever: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums by the values of a facet.

    Attributes:
        by_value: the sums of each value that a customer has.
        total: of all customers, also those without a value.
        decimals: of an amount of the currency.
    """

    by_value: Mapping[str, Sums]
    total: Sums
    decimals: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Customers with one value of a facet.

    Attributes:
        facet: one of `FILTERS`.
        value: of it.
    """

    facet: str
    value: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of some customers have each value of an axis.

    Attributes:
        customers: how many they are, with or without a value.
        values: the values that most have, at most `VALUES_MAX`.
    """

    customers: int
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Fall:
    """Customers who lose a tier at one instant if nothing happens.

    Attributes:
        at_ms: when, in milliseconds since 1970; down to the quarter of an hour.
        tier: the one they lose.
        customers: how many.
        spend: their `monetary` together, in ten-thousandths of the currency.
    """

    at_ms: int
    tier: str
    customers: int
    spend: int


@dataclass(frozen=True, slots=True)
class Falls:
    """The falls of a period, the soonest first.

    Attributes:
        falls: by instant and tier.
        decimals: of an amount of the currency.
    """

    falls: tuple[Fall, ...]
    decimals: int


def amount_text(amount: int, decimals: int) -> str:
    """Decimal text of an amount in ten-thousandths, with as many decimals as it needs at least.

    Args:
        amount: in ten-thousandths of the currency.
        decimals: that an amount of the currency has.
    """
    whole, part = divmod(abs(amount), 10**SCALE)
    digits = f"{part:0{SCALE}d}"
    digits = digits[:decimals] + digits[decimals:].rstrip("0")
    return f"{'-' if amount < 0 else ''}{whole}{'.' if digits else ''}{digits}"


class FiguresReader(GenerationReader):
    """Reads what customers have together."""

    async def figures(self, facet: str) -> Figures:
        """Sums by the values of ``facet``, one of `ONE_OF`.

        Raises:
            ValueError: the facet is unknown.
            ViewChanging: the view was replaced again and again.
        """
        _check(facet, ONE_OF)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.hgetall(keys.sums(facet))
            pipeline.hgetall(keys.sums("tier"))
            ask_decimals(pipeline, keys)

        found, tiers, decimals = await self._view.read_all(ask) or ({}, {}, ())
        total: Counter[str] = Counter()
        for fields in _by_value(tiers).values():
            total.update(fields)
        by_value = {value: _sums(fields) for value, fields in _by_value(found).items()}
        return Figures(by_value, _sums(total), decimals_of(decimals))

    async def counts(self, axis: str, among: Filter | None = None) -> Counts:
        """How many customers have each value of an axis, the most first.

        Args:
            axis: one of `FACETS` or `AXES`.
            among: count these customers alone.

        Raises:
            ValueError: the axis or the filter's facet is unknown.
            ViewChanging: the view was replaced again and again.
        """
        [found] = await self.several_counts([axis], [among])
        return found[axis]

    async def several_counts(
        self, axes: Sequence[str], groups: Sequence[Filter | None]
    ) -> list[dict[str, Counts]]:
        """As `counts`, for several axes by name, and all of that for several groups."""
        for axis in axes:
            _check(axis, (*FACETS, *AXES))

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            for group in groups:
                _ask_customers(pipeline, keys, group)
                for axis in axes:
                    key = _counts_key(keys, axis, group)
                    pipeline.zrevrange(key, 0, VALUES_MAX - 1, withscores=True)

        answers = iter(await self._view.read_all(ask) or ())
        return [_group_counts(answers, axes, group) for group in groups]

    async def by(self, facet: str, axes: Sequence[str]) -> dict[str, dict[str, Counts]]:
        """As `several_counts`, for each value of ``facet``, one of `FILTERS`, that customers have.

        A value that comes to be while this is read may be left out.
        """
        values = (await self.counts(facet)).values
        groups = [Filter(facet, value) for value in values]
        found = await self.several_counts(axes, groups)
        return dict(zip(values, found, strict=True))

    async def falls(self, from_ms: int, until_ms: int) -> Falls:
        """Who falls in a period if nothing happens, by instant and tier.

        Args:
            from_ms: the first instant, in milliseconds since 1970.
            until_ms: the first instant that is too late.

        Raises:
            ViewChanging: the view was replaced again and again.
        """

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.hgetall(keys.sums("fall"))
            ask_decimals(pipeline, keys)

        found, decimals = await self._view.read_all(ask) or ({}, ())
        falls = []
        for value, fields in _by_value(found).items():
            at, _, tier = value.partition(" ")
            if from_ms <= int(at) < until_ms:
                sums = _sums(fields)
                falls.append(Fall(int(at), tier, sums.customers, sums.spend))
        falls.sort(key=lambda fall: (fall.at_ms, fall.tier))
        return Falls(tuple(falls), decimals_of(decimals))


def known_names(counts: Counts) -> dict[str, int]:
    """The counts of the axis ``known`` by the names of the attributes, in their order."""
    return {name: counts.values.get(str(place), 0) for place, name in enumerate(KNOWN_NAMES)}


def _check(name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ValueError(f"{name} is none of {', '.join(known)}")


def ask_decimals(pipeline: Pipeline, keys: GenerationKeys) -> None:
    """Ask for what `decimals_of` takes."""
    pipeline.zrevrange(keys.counts("decimals"), 0, 0)


def decimals_of(found: Sequence[bytes]) -> int:
    """How many decimals an amount of the currency has, by most of the profiles."""
    return int(found[0]) if found else DECIMALS_DEFAULT


def _ask_customers(pipeline: Pipeline, keys: GenerationKeys, group: Filter | None) -> None:
    if group is None:
        pipeline.zrange(keys.counts("tier"), 0, -1, withscores=True)
    else:
        _check(group.facet, FILTERS)
        pipeline.zmscore(keys.counts(group.facet), [group.value])


def _counts_key(keys: GenerationKeys, axis: str, group: Filter | None) -> str:
    return keys.counts(axis) if group is None else keys.counts_among(axis, group.facet, group.value)


def _group_counts(
    answers: Iterator[Any], axes: Sequence[str], group: Filter | None
) -> dict[str, Counts]:
    counted = next(answers, ())
    each = (count for _, count in counted) if group is None else counted
    number = sum(int(count or 0) for count in each)
    found = {}
    for axis in axes:
        values = {value.decode(): int(count) for value, count in next(answers, ())}
        found[axis] = Counts(number, values)
    return found


def _by_value(fields: Mapping[bytes, bytes]) -> dict[str, dict[str, int]]:
    """Measures by the value that stands behind the colon in the name of a field."""
    found: dict[str, dict[str, int]] = {}
    for name, number in fields.items():
        measure, _, value = name.decode().partition(":")
        found.setdefault(value, {})[measure] = int(number)
    return found


def _sums(fields: Mapping[str, int]) -> Sums:
    found = {name: fields.get(name, 0) for name in MEASURES}
    return Sums(
        customers=found["customers"],
        orders=found["orders"],
        spend=found["spend_high"] * LOW_LIMIT + found["spend_low"],
        orders_ever=found["orders_ever"],
        spend_ever=found["spend_ever_high"] * LOW_LIMIT + found["spend_ever_low"],
        points=found["points"],
    )
