"""Lists to act on: customers about to fall, near the next tier, or newly dormant."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from scoring.timestamps import rfc3339
from serving.api import openapi
from serving.api.dependencies import CanRead, need_view, services_of
from serving.api.parameters import Amount, Paged, Within, instant_before, span_ms, wrong
from serving.api.responses import found_page, page, seen_profiles
from streams.runtime.clock import wall_ms

router = APIRouter(prefix="/v1", tags=["lists"])


@router.get(
    "/about-to-fall",
    summary="Who is about to fall",
    responses=openapi.responses("Customers", 503),
    response_class=Response,
)
async def about_to_fall(
    request: Request, caller: CanRead, asked: Annotated[Within, Query()]
) -> Response:
    """Customers whose `keeps_until` comes within some time, the soonest first."""
    services = services_of(request)
    until_ms = wall_ms() + span_ms(asked.within, "within")
    found = await services.view.about_to_fall(until_ms, limit=asked.limit, cursor=asked.cursor)
    return await found_page(services, caller, request, found)


@router.get(
    "/near-next-tier",
    summary="Who is near the next tier",
    responses=openapi.responses("Customers", 503),
    response_class=Response,
)
async def near_next_tier(
    request: Request, caller: CanRead, asked: Annotated[Amount, Query()]
) -> Response:
    """Customers whom one order of at most ``amount`` today would lift, the nearest first."""
    services = services_of(request)
    found = await services.view.near_next_tier(asked.amount, limit=asked.limit, cursor=asked.cursor)
    return await found_page(services, caller, request, found)


class _Since(Paged):
    level: Literal["at_risk", "dormant", "churned", "active"] = Field(
        default="dormant", description="The level; `active` means: again."
    )
    since: str = Field(
        default="7d", description="A time, or how long ago: the first instant.", examples=["7d"]
    )
    until: str | None = Field(
        default=None, description="The same: the first instant that is too late; else now."
    )


@router.get(
    "/reached",
    summary="Who reached a level, such as dormant this week",
    responses=openapi.responses("Reached", 503),
    response_class=Response,
)
async def reached(request: Request, caller: CanRead, asked: Annotated[_Since, Query()]) -> Response:
    """Customers who reached a level in some time and are still at it, the latest first."""
    services = services_of(request)
    now_ms = wall_ms()
    from_ms = instant_before(asked.since, "since", now_ms)
    until_ms = now_ms + 1 if asked.until is None else instant_before(asked.until, "until", now_ms)
    if until_ms <= from_ms:
        raise wrong("until", "comes after since")
    found = await services.changes.reached(
        asked.level, from_ms, until_ms, cursor=asked.cursor, limit=asked.limit
    )
    need_view(services.changes)
    ids = [customer.customer_id for customer in found.customers]
    profiles = await seen_profiles(services, caller, ids)
    entries = [
        None
        if profile is None
        else b'{"reached_at":"%b","profile":%b}' % (rfc3339(customer.at_ms).encode(), profile)
        for customer, profile in zip(found.customers, profiles, strict=True)
    ]
    return page(entries, request, found.cursor)
