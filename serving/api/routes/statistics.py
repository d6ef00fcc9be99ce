"""How many customers have each tier, level and tag, and how they moved between tiers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator, Field

from serving.api import openapi
from serving.api.dependencies import CanRead, need_view, services_of
from serving.api.parameters import Parameters, no_parameters, wrong
from serving.api.problems import json_response
from serving.view.changes_reader import Migration, Move

_DAYS = 7
_DAYS_MAX = 3_660
_DAY = re.compile(r"(?:19[7-9]|[2-8][0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}", re.ASCII)

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


def _day(text: object) -> object:
    """A date as it is written; numbers would be taken for seconds since 1970."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("is a date such as 2026-01-31, from 1970 on")
    return text


_Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]


class _Period(Parameters):
    first_day: _Day | None = Field(
        default=None, alias="from", description="The first day, UTC; else six days before the last."
    )
    last_day: _Day | None = Field(
        default=None, alias="to", description="The last day, UTC; else today."
    )
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
    last = asked.last_day or datetime.now(UTC).date()
    first = asked.first_day or last - timedelta(days=_DAYS - 1)
    if not 0 <= (last - first).days < _DAYS_MAX:
        raise wrong("from", f"is at most {_DAYS_MAX} days before to, and not after it")
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
            "moves": _move_list(found.counts),
            "days": _days(found) if asked.by_day else None,
        }
    )


def _move_list(counts: Iterable[tuple[Move, int]]) -> list[dict[str, str | int]]:
    return [{**move._asdict(), "count": count} for move, count in counts]


def _days(found: Migration) -> list[dict[str, object]]:
    return [{"day": day.isoformat(), "moves": _move_list(counts)} for day, counts in found.by_day]
