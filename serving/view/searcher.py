"""How a page is found, with work that has a limit.

The filter that the fewest customers pass decides. If these are few, they are read whole, checked
and sorted. If not, the rank that gives the order is walked from the cursor on, for some steps; a
page then may be short, or empty, and its cursor goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio.client import Pipeline

from serving.view.cursor import place_of
from serving.view.keys import GenerationKeys
from serving.view.pinned_read import Following
from serving.view.query import Between, Filter, Page, Search
from serving.view.search import gather
from serving.view.walk import walk


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work a page may be.

    Attributes:
        gather_customers: up to so many customers are read whole.
        step_customers: customers that Redis looks at in one step, in which it does nothing else.
        steps: of a walk.
    """

    gather_customers: int = 5_000
    step_customers: int = 1_000
    steps: int = 5


class Searcher:
    """Finds customers in the current generation.

    Args:
        view: whom to ask.
        effort: for one page.
    """

    def __init__(self, view: Following, effort: Effort | None = None) -> None:
        self._view = view
        self._effort = effort or Effort()

    async def page(self, search: Search) -> Page:
        """A page of what is found.

        Customers that change while the page is put together may be as before or as after.

        Raises:
            BadCursor: the cursor cannot be used.
            ViewChanging: the view was replaced again and again.
        """
        place, effort = place_of(search), self._effort
        fewest, count = await self._fewest(search)
        if fewest is not None and count <= effort.gather_customers:
            return await gather(self._view, search, fewest, place, effort.step_customers)
        step, steps = effort.step_customers, effort.steps
        return await walk(self._view, search, place, step=step, steps=steps)

    async def _fewest(self, search: Search) -> tuple[Filter | None, int]:
        """The filter that the fewest pass; None if that is the order's own range, or all."""
        filters: list[Filter] = [*search.where, *search.between]
        filters.append(search.own_range)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            for filter_ in filters:
                if isinstance(filter_, Between):
                    pipeline.zcount(keys.rank(filter_.rank), filter_.low, filter_.high)
                else:
                    for value in filter_.values:
                        pipeline.scard(keys.members(filter_.facet, value))

        answers = iter(await self._view.read_all(ask) or ())
        counts = [sum(next(answers, 0) for _ in range(_answers_of(filter_))) for filter_ in filters]
        least = min(counts)
        fewest = filters[counts.index(least)] if counts[-1] > least else None
        return fewest, least


def _answers_of(filter_: Filter) -> int:
    return 1 if isinstance(filter_, Between) else len(filter_.values)
