"""What customers have together, how they are distributed, and who falls when."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from scoring.calendar import load_zone
from serving.api import figure_tables, openapi
from serving.api.dependencies import CanRead, need_view, services_of
from serving.api.figure_models import Rates, SatisfactionTable
from serving.api.parameters import Parameters, Period, no_parameters, wrong
from serving.api.problems import struct_response
from serving.view.axes import ATTRIBUTES, AXES
from serving.view.figures_reader import Filter
from serving.view.keys import FACETS, FILTERS

_VALUE_MAX = 256
_DAYS_MAX = 731
_AXES = (*FACETS, *(axis for axis in AXES if axis != "decimals"))

router = APIRouter(prefix="/v1", tags=["figures"])


class _By(Parameters):
    by: Literal["tier", "stage", "segment", "level", "churn_answer", "owner", "rf"] = Field(
        default="tier", description="The facet whose values are the rows."
    )


@router.get(
    "/figures",
    summary="Customers, spend and their shares by tier, stage, segment …",
    responses=openapi.responses("FigureTable", 503),
)
async def figures(request: Request, caller: CanRead, asked: Annotated[_By, Query()]) -> Response:
    """What the customers of each value have together now; sums are exact."""
    del caller
    services = services_of(request)
    found = await services.figures.figures(asked.by)
    need_view(services.figures)
    return struct_response(figure_tables.figure_table(asked.by, found))


class _History(Period):
    by: Literal["tier", "stage"] = Field(
        default="tier", description="The facet whose values are the rows."
    )


@router.get(
    "/history",
    summary="Customers, spend and points by tier or stage at the end of each day",
    responses=openapi.responses("FigureHistory", 503),
)
async def history(
    request: Request, caller: CanRead, asked: Annotated[_History, Query()]
) -> Response:
    """As `/v1/figures`, of the days of a period (UTC) at whose end a projector ran; 400 are kept.

    Those of today are at most half a minute old while the view is up to date.
    """
    del caller
    first, last = asked.days()
    services = services_of(request)
    days = await services.history.days()
    return struct_response(figure_tables.figure_history(asked.by, days, first, last))


@router.get(
    "/rfm-grid",
    summary="The recency-frequency grid by customers and spend",
    responses=openapi.responses("Grid", 503),
)
async def rfm_grid(request: Request, caller: CanRead) -> Response:
    """Customers and spend by the digits R and F; `/v1/customers?rf=53` lists those of a cell."""
    del caller
    no_parameters(request)
    services = services_of(request)
    found = await services.figures.figures("rf")
    need_view(services.figures)
    return struct_response(figure_tables.grid(found))


_Value = Annotated[str | None, Field(max_length=_VALUE_MAX)]


class _Filtered(Parameters):
    tier: _Value = Field(default=None, description="Only customers of this tier.")
    stage: _Value = Field(default=None, description="Only customers of this stage.")
    segment: _Value = Field(default=None, description="Only customers of this segment.")

    def among(self) -> Filter | None:
        """The filter that is asked for; None for all customers."""
        found = [Filter(name, value) for name in FILTERS if (value := getattr(self, name))]
        if len(found) > 1:
            raise wrong(found[1].facet, f"goes without {found[0].facet}: one filter at a time")
        return found[0] if found else None


class _Axis(_Filtered):
    axis: str = Field(description=f"One of {', '.join(_AXES)}.", examples=["orders"])
    prefix: str = Field(
        default="",
        max_length=_VALUE_MAX,
        description="Only values that begin so, named without it: `age:` for the tags of age.",
    )


@router.get(
    "/distribution",
    summary="Customers by the values of one axis, of all or of a tier, stage or segment",
    responses=openapi.responses("Distribution", 503),
)
async def distribution(
    request: Request, caller: CanRead, asked: Annotated[_Axis, Query()]
) -> Response:
    """How many customers have each value now, the most first; at most 1,000 values.

    The axes `gender`, `region`, `city_tier` and `occupation` need the scope `attributes`.
    """
    if asked.axis not in _AXES:
        raise wrong("axis", f"is one of {', '.join(_AXES)}")
    services = services_of(request)
    if asked.axis in ATTRIBUTES:
        services.access.require(caller, "attributes")
    found = await services.figures.counts(asked.axis, asked.among())
    need_view(services.figures)
    return struct_response(figure_tables.distribution(asked.axis, found, asked.prefix))


class _Grouped(Parameters):
    by: Literal["tier", "stage", "segment"] = Field(
        default="tier", description="The facet whose values are the rows."
    )


class _Rates(_Grouped):
    referral_tag: _Value = Field(
        default=None,
        description="The tag that the policy gives those who recommended: `referrals` are counted "
        "by it, since the profile says nothing else of them.",
    )


@router.get(
    "/rates",
    summary="Conversion, repeat purchase and referral",
    responses=openapi.responses("Rates", 503),
)
async def rates(request: Request, caller: CanRead, asked: Annotated[_Rates, Query()]) -> Response:
    """What share of customers bought, bought again and recommended, of all and by tier."""
    del caller
    services = services_of(request)
    tag = asked.referral_tag
    axes = ["orders_ever", *(["tag"] if tag else [])]
    [total] = await services.figures.several_counts(axes, [None])
    rows = await services.figures.by(asked.by, axes)
    need_view(services.figures)
    table = Rates(
        asked.by,
        figure_tables.rate_row(None, total, tag),
        [figure_tables.rate_row(value, found, tag) for value, found in rows.items()],
    )
    return struct_response(table)


@router.get(
    "/satisfaction",
    summary="CSAT and NPS by tier",
    responses=openapi.responses("SatisfactionTable", 503),
)
async def satisfaction(
    request: Request, caller: CanRead, asked: Annotated[_Grouped, Query()]
) -> Response:
    """The newest answer of each customer, of all and by tier; under a policy with `[satisfaction]`.

    So a customer who answers often counts once.
    """
    del caller
    services = services_of(request)
    axes = ("csat", "nps")
    [total] = await services.figures.several_counts(axes, [None])
    rows = await services.figures.by(asked.by, axes)
    need_view(services.figures)
    table = SatisfactionTable(
        asked.by,
        figure_tables.satisfaction_row(None, total),
        [figure_tables.satisfaction_row(value, found) for value, found in rows.items()],
    )
    return struct_response(table)


class _Ahead(Parameters):
    days: int = Field(default=30, ge=1, le=_DAYS_MAX, description="How many days, from today on.")
    timezone: str = Field(
        default="UTC",
        max_length=64,
        description="The IANA zone whose days are meant: that of the policy, as a rule.",
        examples=["Asia/Shanghai"],
    )

    def zone(self) -> ZoneInfo:
        """The zone, checked."""
        try:
            return load_zone(self.timezone)
        except ZoneInfoNotFoundError:
            raise wrong("timezone", "is an IANA zone such as Asia/Shanghai") from None


@router.get(
    "/falls", summary="Falls due by day and tier", responses=openapi.responses("FallTable", 503)
)
async def falls(request: Request, caller: CanRead, asked: Annotated[_Ahead, Query()]) -> Response:
    """Who loses which tier on which day if nothing happens, and what these customers spend.

    Of every customer the next fall counts (`keeps_until`). `/v1/about-to-fall` has their names.
    """
    del caller
    zone = asked.zone()
    services = services_of(request)
    first = datetime.now(zone).date()
    last = first + timedelta(days=asked.days - 1)
    from_ms, until_ms = (
        round(datetime.combine(day, time(), zone).timestamp() * 1_000)
        for day in (first, last + timedelta(days=1))
    )
    found = await services.figures.falls(from_ms, until_ms)
    need_view(services.figures)
    table = figure_tables.fall_table(found, first, last, zone, asked.timezone)
    return struct_response(table)


@router.get(
    "/completeness",
    summary="How complete and how fresh profiles are",
    responses=openapi.responses("Completeness", 503),
)
async def completeness(
    request: Request, caller: CanRead, asked: Annotated[_Filtered, Query()]
) -> Response:
    """How many customers have each of nine attributes, and since when profiles stand as they do."""
    del caller
    services = services_of(request)
    axes = ("known", "known_count", "as_of")
    [found] = await services.figures.several_counts(axes, [asked.among()])
    need_view(services.figures)
    return struct_response(figure_tables.completeness(found))
