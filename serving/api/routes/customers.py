"""One customer: who they are, why, and forgetting them."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from handlers.outputs import BIRTHDAY_UPCOMING
from serving.api import openapi
from serving.api.dependencies import CanErase, CanRead, need_view, services_of
from serving.api.models import customer_trend
from serving.api.parameters import CustomerId, Paged, known_values, no_parameters
from serving.api.problems import raw_response, struct_response, unknown_customer
from serving.api.responses import next_path, seen_by, without_birthday
from serving.view.timeline_records import TYPES

router = APIRouter(prefix="/v1/customers/{customer_id}", tags=["customers"])


@router.get("", summary="The profile", responses=openapi.responses("Profile", 404, 503))
async def profile(request: Request, caller: CanRead, customer_id: CustomerId) -> Response:
    """The newest profile of the customer that the view has, see `as_of`.

    Without the scope `attributes`, `attributes` is empty.
    """
    no_parameters(request)
    services = services_of(request)
    found = await services.view.profile(customer_id)
    need_view(services.view)
    if found is None:
        raise unknown_customer()
    return raw_response(seen_by(found, sees_attributes=caller.sees_attributes))


@router.get(
    "/explain",
    summary="Why the profile is what it is",
    responses=openapi.responses("Explanation", 404, 503, 504),
)
async def explain(request: Request, caller: CanRead, customer_id: CustomerId) -> Response:
    """What `tierstream explain --json` tells: orders, digits, conditions, what comes next.

    It is read from the state in Kafka, about a second old, and takes seconds: ask for a customer
    somebody looks at, not for many. It names attributes without their values; without the scope
    `attributes` it leaves out birthday reminders too.
    """
    no_parameters(request)
    found = await services_of(request).explain_jobs.explain(customer_id)
    return raw_response(found if caller.sees_attributes else without_birthday(found))


class _Timeline(Paged):
    type: list[str] = Field(default=[], description=f"Only these types, of {', '.join(TYPES)}.")


@router.get(
    "/timeline",
    summary="What happened to the customer",
    responses=openapi.responses("Timeline", 404, 503),
)
async def timeline(
    request: Request,
    caller: CanRead,
    customer_id: CustomerId,
    asked: Annotated[_Timeline, Query()],
) -> Response:
    """Tier changes, alerts, reminders, points and owners, the newest first, as outputs told them.

    A customer keeps the newest 100 entries, or as many as the settings say. Without the scope
    `attributes` there is no `birthday.upcoming`.
    """
    known_values("type", asked.type, TYPES)
    services = services_of(request)
    found = await services.timelines.page(
        customer_id,
        types=asked.type,
        without=() if caller.sees_attributes else (BIRTHDAY_UPCOMING,),
        limit=asked.limit,
        cursor=asked.cursor,
    )
    need_view(services.timelines)
    if found is None:
        raise unknown_customer()
    following = None if found.cursor is None else next_path(request, found.cursor)
    entries = b",".join(found.entries)
    return raw_response(b'{"entries":[%b],"next":%b}' % (entries, orjson.dumps(following)))


@router.get(
    "/trend",
    summary="Orders, spend and score by month",
    responses=openapi.responses("CustomerTrend", 404, 503),
)
async def trend(request: Request, caller: CanRead, customer_id: CustomerId) -> Response:
    """What came to count from month to month, as successive profiles told it; at most 36 months.

    `since` is from when on this is known: nothing older is in a view that was filled later.
    """
    del caller
    no_parameters(request)
    services = services_of(request)
    found = await services.timelines.trend(customer_id)
    need_view(services.timelines)
    if found is None:
        raise unknown_customer()
    return struct_response(customer_trend(found))


@router.delete(
    "", status_code=202, summary="Erase", responses=openapi.responses("Receipt", 503, status=202)
)
async def erase(request: Request, caller: CanErase, customer_id: CustomerId) -> Response:
    """Put a `customer.erased` event into the log and wait until Kafka has it.

    State, profile and view forget the customer within seconds; the receipt says what remains where.
    It does not matter whether the customer is known: events that are still on their way are
    refused then. Asking again is harmless.
    """
    del caller
    no_parameters(request)
    return raw_response(await services_of(request).erase_jobs.erase(customer_id), 202)
