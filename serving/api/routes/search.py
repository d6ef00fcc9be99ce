"""Finding customers."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from serving.api import openapi
from serving.api.csv_export import csv_response, wants_csv
from serving.api.dependencies import CanRead, services_of
from serving.api.parameters import LIMIT_MAX, Format, Paged, checked_customer_id, wrong
from serving.api.responses import found_page, page, seen_profiles
from serving.api.rows import Found, WorkRow, rows_of, searching
from serving.view.keys import ONE_OF, RANKS
from serving.view.query import VALUES_MAX, AnyOf, Between, Search
from streams.runtime.clock import wall_ms

router = APIRouter(prefix="/v1/customers", tags=["customers"])

_Values = Annotated[list[str], Field(max_length=VALUES_MAX)]
_Bound = Annotated[float | None, Field(allow_inf_nan=False)]
_ORDERS = tuple(order for rank in RANKS for order in (f"-{rank}", rank))


class _Search(Paged):
    tier: _Values = Field(default=[], description="Any of these tiers.", examples=[["A"]])
    stage: _Values = Field(default=[], description="Any of these stages.")
    segment: _Values = Field(default=[], description="Any of these segments.")
    level: _Values = Field(default=[], description="Any of these levels.")
    churn_answer: _Values = Field(default=[], description="Left for any of these reasons.")
    owner: _Values = Field(default=[], description="Any of these account managers.")
    rf: _Values = Field(default=[], description="Any of these digits R and F, such as `53`.")
    unowned: list[Literal["true"]] = Field(
        default=[], max_length=1, description="`true`: only who has no account manager."
    )
    tag: list[str] = Field(default=[], max_length=10, description="All of these tags.")
    score_min: _Bound = Field(default=None, description="RFM score, at least.")
    score_max: _Bound = Field(default=None, description="RFM score, at most.")
    spend_min: _Bound = Field(default=None, description="`monetary`, at least.")
    spend_max: _Bound = Field(default=None, description="`monetary`, at most.")
    health_min: _Bound = Field(default=None, description="`health.score`, at least.")
    health_max: _Bound = Field(default=None, description="`health.score`, at most.")
    order: str = Field(
        default="-spend",
        description=f"One of {', '.join(RANKS)}; with a `-` the highest first. Who has no such "
        "value is not found.",
    )
    format: Format = None
    id: list[str] = Field(
        default=[],
        max_length=LIMIT_MAX,
        description="Exactly these customers, in this order, and no other parameter: for ids that "
        "a client or a proxy will not send in a path.",
    )

    def search(self) -> Search:
        """The search, checked."""
        if self.order not in _ORDERS:
            raise wrong("order", f"is one of {', '.join(_ORDERS)}")
        where = [
            AnyOf(facet, tuple(dict.fromkeys(values)))
            for facet in ONE_OF
            if (values := getattr(self, facet))
        ]
        where += [AnyOf("tag", (tag,)) for tag in dict.fromkeys(self.tag)]
        bounds = {
            rank: (getattr(self, f"{rank}_min"), getattr(self, f"{rank}_max"))
            for rank in ("score", "spend", "health")
        }
        if sum(len(filter_.values) for filter_ in where) > VALUES_MAX:
            most = max(where, key=lambda filter_: len(filter_.values)).facet
            raise wrong(most, f"and the other filters have at most {VALUES_MAX} values together")
        ranges = [Between(rank, *asked) for rank, asked in bounds.items() if asked != (None, None)]
        return Search(
            where=tuple(where),
            between=tuple(ranges),
            order=self.order.removeprefix("-"),
            descending=self.order.startswith("-"),
            limit=self.limit,
            cursor=self.cursor,
        )


@router.get(
    "",
    summary="Search",
    responses=openapi.responses("Customers", 503, csv=True),
    response_class=Response,
)
async def search(request: Request, caller: CanRead, asked: Annotated[_Search, Query()]) -> Response:
    """Customers for whom all filters hold, page by page.

    Who changes while pages are read may be found where they were or where they are; who does not
    change is found once, also when the view is rebuilt meanwhile. As CSV the rows are those of work
    lists, all pages in one.
    """
    services = services_of(request)
    if asked.id:
        if asked.model_fields_set != {"id"}:
            raise wrong("id", "goes with no other parameter")
        ids = [checked_customer_id(each, "id") for each in dict.fromkeys(asked.id)]
        return page(await seen_profiles(services, caller, ids), request, None)
    wanted = asked.search()
    if wants_csv(request, asked.format):
        now_ms = wall_ms()

        async def rows(found: Found) -> list[WorkRow]:
            return await rows_of(services, caller, found, (), now_ms)

        return await csv_response(searching(services.view, wanted), rows, "customers")
    found = await services.view.search(wanted)
    return await found_page(services, caller, request, found)
