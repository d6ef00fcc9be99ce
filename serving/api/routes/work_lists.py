"""What account managers have to do: lists of customers, each with the action the policy names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from msgspec import json
from pydantic import Field

from handlers.outputs import DORMANCY_ALERT, TICKET_OVERDUE, TIER_CHANGED, TIER_EXPIRING
from serving.api import openapi
from serving.api.auth import Caller
from serving.api.csv_export import csv_response, wants_csv
from serving.api.dependencies import CanRead, need_view, services_of
from serving.api.parameters import Amount, Format, Paged, Within, instant_before, span_ms
from serving.api.problems import raw_response
from serving.api.responses import next_path
from serving.api.rows import Fetch, Found, WorkRow, rows_of, searching
from serving.view.query import AnyOf, Between, Search, falls_by, nearest_to_next_tier
from streams.runtime.clock import wall_ms

_VALUES_MAX = 25

router = APIRouter(prefix="/v1/work-lists", tags=["work lists"])

_Values = Annotated[list[str], Field(max_length=_VALUES_MAX)]


class _Asked(Paged):
    owner: _Values = Field(default=[], description="Only customers of these account managers.")
    tier: _Values = Field(default=[], description="Only customers of these tiers.")
    format: Format = None

    def where(self) -> tuple[AnyOf, ...]:
        """The filters that are asked for."""
        asked = {"owner": self.owner, "tier": self.tier}
        return tuple(
            AnyOf(facet, tuple(dict.fromkeys(values))) for facet, values in asked.items() if values
        )


async def _answer(
    request: Request, caller: Caller, asked: _Asked, fetch: Fetch, kinds: Collection[str]
) -> Response:
    services = services_of(request)
    now_ms = wall_ms()

    async def rows(found: Found) -> list[WorkRow]:
        return await rows_of(services, caller, found, kinds, now_ms)

    if wants_csv(request, asked.format):
        return await csv_response(fetch, rows, request.url.path.rpartition("/")[2])
    found = await fetch(asked.cursor, asked.limit)
    following = None if found.cursor is None else next_path(request, found.cursor)
    customers = json.encode(await rows(found))
    return raw_response(b'{"customers":%b,"next":%b}' % (customers, orjson.dumps(following)))


async def _searched(
    request: Request, caller: Caller, asked: _Asked, search: Search, kinds: Collection[str]
) -> Response:
    fetch = searching(services_of(request).view, search)
    return await _answer(request, caller, asked, fetch, kinds)


_RESPONSES = openapi.responses("WorkList", 503, csv=True)


class _Within(_Asked, Within): ...


@router.get(
    "/about-to-fall",
    summary="Who is about to fall, and what keeps them",
    responses=_RESPONSES,
    response_class=Response,
)
async def about_to_fall(
    request: Request, caller: CanRead, asked: Annotated[_Within, Query()]
) -> Response:
    """Whose tier ends within some time, the soonest first; the action is of `tier.expiring`."""
    until_ms = wall_ms() + span_ms(asked.within, "within")
    falls = falls_by(until_ms, asked.where())
    return await _searched(request, caller, asked, falls, (TIER_EXPIRING,))


class _Amount(_Asked, Amount): ...


@router.get(
    "/near-next-tier",
    summary="Who is near the next tier",
    responses=_RESPONSES,
    response_class=Response,
)
async def near_next_tier(
    request: Request, caller: CanRead, asked: Annotated[_Amount, Query()]
) -> Response:
    """Whom one order of at most `amount` lifts, the nearest first; the action is of the tier."""
    near = nearest_to_next_tier(asked.amount, asked.where())
    return await _searched(request, caller, asked, near, (TIER_CHANGED,))


class _Since(_Asked):
    level: Literal["at_risk", "dormant", "churned"] = Field(
        default="dormant", description="The level that was reached."
    )
    since: str = Field(
        default="7d", description="A time, or how long ago: the first instant.", examples=["7d"]
    )


@router.get(
    "/newly-dormant",
    summary="Who became dormant",
    responses=_RESPONSES,
    response_class=Response,
)
async def newly_dormant(
    request: Request, caller: CanRead, asked: Annotated[_Since, Query()]
) -> Response:
    """Who reached a level since some time and is at it still, the latest first.

    The action is of `dormancy.alert`.
    """
    changes, now_ms = services_of(request).changes, wall_ms()
    from_ms, where = instant_before(asked.since, "since", now_ms), asked.where()

    async def fetch(cursor: str | None, limit: int) -> Found:
        found = await changes.reached(
            asked.level, from_ms, now_ms + 1, where=where, cursor=cursor, limit=limit
        )
        need_view(changes)
        reached_ms = {one.customer_id: one.at_ms for one in found.customers}
        return Found(list(reached_ms), found.cursor, reached_ms)

    return await _answer(request, caller, asked, fetch, (DORMANCY_ALERT,))


class _Complaints(_Asked):
    overdue: bool = Field(
        default=False, description="Only who has a ticket whose response or resolution is overdue."
    )


@router.get(
    "/complaints",
    summary="Open and overdue complaints",
    responses=_RESPONSES,
    response_class=Response,
)
async def complaints(
    request: Request, caller: CanRead, asked: Annotated[_Complaints, Query()]
) -> Response:
    """Who has open complaints, the highest spend first; the action is of `ticket.overdue`.

    Under a policy without `[satisfaction]` profiles do not tell complaints from other tickets; then
    it is who has open tickets.
    """
    between = [Between("complaints", least=1)]
    if asked.overdue:
        between.append(Between("promised", most=wall_ms()))
    search = Search(where=asked.where(), between=tuple(between))
    return await _searched(request, caller, asked, search, (TICKET_OVERDUE,))


@router.get(
    "/without-owner",
    summary="Who has no account manager",
    responses=_RESPONSES,
    response_class=Response,
)
async def without_owner(
    request: Request, caller: CanRead, asked: Annotated[_Asked, Query()]
) -> Response:
    """Customers without an account manager, under a policy that asks for one, by spend.

    Nobody is found with `owner`. The action is that of the tier.
    """
    where = (*asked.where(), AnyOf("unowned", ("true",)))
    search = Search(where=where)
    return await _searched(request, caller, asked, search, (TIER_CHANGED,))


class _Handover(_Asked):
    owner: Annotated[list[str], Field(min_length=1, max_length=_VALUES_MAX)] = Field(
        description="The account managers who hand over."
    )


@router.get(
    "/handover",
    summary="What an account manager hands over",
    responses=_RESPONSES,
    response_class=Response,
)
async def handover(
    request: Request, caller: CanRead, asked: Annotated[_Handover, Query()]
) -> Response:
    """All customers of account managers, by spend; the action is the newest that was told."""
    search = Search(where=asked.where())
    return await _searched(request, caller, asked, search, ())
