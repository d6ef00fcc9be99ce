"""How many customers have each tier, level and tag, and how they moved between tiers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from serving.api import openapi
from serving.api.dependencies import CanRead, need_view, services_of
from serving.api.parameters import Period, no_parameters
from serving.api.problems import json_response
from serving.view.changes_reader import Migration, Move

router = APIRouter(prefix="/v1", tags=["figures"])


@router.get(
    "/distributions",
    summary="Customers by tier, stage, segment, level, reason of leaving, owner, digits and tag",
    responses=openapi.responses("Distributions", 503),
)
async def distributions(request: Request, caller: CanRead) -> Response:
    """How many customers have each value now, the most first; of each at most 1,000 values."""
    del caller
    no_parameters(request)
    services = services_of(request)
    found = await services.view.distributions()
    need_view(services.view)
    return json_response(found)


class _Period(Period):
    by_day: bool = Field(default=False, description="Tell the moves of each day, too: `days`.")


@router.get(
    "/migrations",
    summary="Moves between tiers in a period",
    responses=openapi.responses("Migrations", 503),
)
async def migrations(
    request: Request, caller: CanRead, asked: Annotated[_Period, Query()]
) -> Response:
    """How often customers moved from each tier to each other one, by the day of `effective_at`."""
    del caller
    first, last = asked.days()
    services = services_of(request)
    found = await services.changes.migration(first, last)
    need_view(services.changes)
    complete_from = found.complete_from
    return json_response(
        {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "complete_from": None if complete_from is None else complete_from.isoformat(),
            "matrix": found.matrix(),
            "by_reason": found.by_reason(),
            "moves": _move_list(found, found.counts),
            "days": _days(found) if asked.by_day else None,
        }
    )


def _move_list(
    found: Migration, counts: Iterable[tuple[Move, int]], day: date | None = None
) -> list[dict[str, str | int]]:
    return [
        {**move._asdict(), "count": count, "spend": found.spend_of(move, day)}
        for move, count in counts
    ]


def _days(found: Migration) -> list[dict[str, object]]:
    return [
        {"day": day.isoformat(), "moves": _move_list(found, counts, day)}
        for day, counts in found.by_day
    ]
