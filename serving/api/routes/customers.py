"""One customer: who they are, why, and forgetting them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.api import openapi
from serving.api.dependencies import CanErase, CanRead, need_view, services_of
from serving.api.parameters import CustomerId, no_parameters
from serving.api.problems import Problem, raw_response
from serving.api.responses import seen_by, without_birthday

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
        raise Problem("unknown-customer", "the view has no such customer")
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
