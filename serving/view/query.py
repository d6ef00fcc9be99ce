"""Search queries and result pages."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from serving.view.keys import FACETS, RANKS

PAGE_MAX = 500
FILTERS_MAX = 20
VALUES_MAX = 50


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Customers who have at least one of some values of a facet.

    Attributes:
        facet: one of `FACETS`.
        values: one to `VALUES_MAX` of its values.

    Raises:
        ValueError: the facet is unknown, or there are no or too many values.
    """

    facet: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.facet not in FACETS:
            raise ValueError(f"{self.facet} is none of {', '.join(FACETS)}")
        if not 1 <= len(self.values) <= VALUES_MAX:
            raise ValueError(f"{self.facet} takes 1 to {VALUES_MAX} values")


@dataclass(frozen=True, slots=True)
class Between:
    """Customers whose value in a rank lies between two bounds, inclusive.

    Attributes:
        rank: one of `RANKS`, whose units apply.
        least: None for no lower bound.
        most: None for no upper bound.

    Raises:
        ValueError: the rank is unknown, or a bound is no number.
    """

    rank: str
    least: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        _check_rank(self.rank)
        if any(bound is not None and not math.isfinite(bound) for bound in (self.least, self.most)):
            raise ValueError(f"a bound of {self.rank} is no finite number")

    @property
    def low(self) -> str:
        """The lower bound as Redis reads it."""
        return "-inf" if self.least is None else repr(float(self.least))

    @property
    def high(self) -> str:
        """The upper bound as Redis reads it."""
        return "+inf" if self.most is None else repr(float(self.most))

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies between the bounds."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


Filter = AnyOf | Between


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Customers for whom all filters hold, in the order of a rank; equal ones by id.

    Who has no value in the rank is not found. Every customer has one in ``spend``.

    Attributes:
        where: filters by facet; several of one facet must all hold, as for tags.
        between: filters by rank.
        order: one of `RANKS`.
        descending: the highest first.
        limit: the most customers of a page, 1 to `PAGE_MAX`.
        cursor: of the page before; None for the first page.

    Raises:
        ValueError: the rank is unknown, the limit out of bounds, or there are too many filters.
    """

    where: tuple[AnyOf, ...] = ()
    between: tuple[Between, ...] = ()
    order: str = "spend"
    descending: bool = True
    limit: int = 50
    cursor: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check_rank(self.order)
        if not 1 <= self.limit <= PAGE_MAX:
            raise ValueError(f"a page has 1 to {PAGE_MAX} customers")
        if len(self.where) + len(self.between) > FILTERS_MAX:
            raise ValueError(f"a search has at most {FILTERS_MAX} filters")
        # Each value costs a look at a set for every customer that is looked at.
        if sum(len(filter_.values) for filter_ in self.where) > VALUES_MAX:
            raise ValueError(f"the filters of a search have at most {VALUES_MAX} values together")

    @property
    def own_range(self) -> Between:
        """All bounds on the rank that gives the order, as one filter."""
        own = [range_ for range_ in self.between if range_.rank == self.order]
        leasts = [range_.least for range_ in own if range_.least is not None]
        mosts = [range_.most for range_ in own if range_.most is not None]
        return Between(self.order, max(leasts, default=None), min(mosts, default=None))


@dataclass(frozen=True, slots=True)
class Hit:
    """A customer found by a search.

    Attributes:
        customer_id: who it is.
        value: in the rank that orders the search.
    """

    customer_id: str
    value: float


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the customers found.

    A page may have fewer customers than asked for, even none, and still not be the last: the work
    for one page has a limit.

    Attributes:
        hits: in the order of the search.
        cursor: for the next page; None after the last.
    """

    hits: tuple[Hit, ...]
    cursor: str | None


def falls_by(until_ms: int, where: tuple[AnyOf, ...] = ()) -> Search:
    """Who loses the tier by an instant if nothing more happens, the soonest first.

    Args:
        until_ms: in milliseconds since 1970.
        where: further filters.
    """
    between = (Between("next_fall", most=until_ms),)
    return Search(where=where, between=between, order="next_fall", descending=False)


def nearest_to_next_tier(most_amount: float, where: tuple[AnyOf, ...] = ()) -> Search:
    """Whom an order of some amount today would lift, the nearest first.

    Args:
        most_amount: in the policy's currency.
        where: further filters.
    """
    between = (Between("needed", most=most_amount),)
    return Search(where=where, between=between, order="needed", descending=False)


def _check_rank(rank: str) -> None:
    if rank not in RANKS:
        raise ValueError(f"{rank} is none of {', '.join(RANKS)}")
