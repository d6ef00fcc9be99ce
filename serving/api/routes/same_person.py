"""Who is likely the same person, for somebody to look at and merge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from msgspec import Struct
from pydantic import Field

from serving.api import openapi
from serving.api.dependencies import CanRead, Services, need_view, services_of
from serving.api.models import LikelySame, SameGroup, SameGroups
from serving.api.parameters import CustomerId, Paged, no_parameters
from serving.api.problems import struct_response, unknown_customer
from serving.api.responses import next_path
from serving.view.same_person_reader import Group

router = APIRouter(prefix="/v1", tags=["customers"])


class _Profile(Struct):
    customer_id: str
    tier: str
    orders_ever: int
    spend_ever: str
    attributes: dict[str, str] = msgspec.field(default_factory=dict)
    owner: str | None = None
    last_order_at: str | None = None


_decode = msgspec.json.Decoder(_Profile).decode


class _By(Paged):
    limit: int = Field(default=20, ge=1, le=50, description="Groups of a page, at most.")
    by: Literal["phone", "email", "union_id"] = Field(
        default="phone", description="What the customers of a group share."
    )


@router.get(
    "/same-person",
    summary="Who is likely the same person",
    responses=openapi.responses("SameGroups", 503),
)
async def same_person(
    request: Request, caller: CanRead, asked: Annotated[_By, Query()]
) -> Response:
    """Customers who share a normalised phone, e-mail address or union id, the largest group first.

    Needs the scope `attributes`. Nobody is merged by this: `customer.merged` does that.
    """
    services = services_of(request)
    services.access.require(caller, "attributes")
    found = await services.same_person.page(asked.by, limit=asked.limit, cursor=asked.cursor)
    need_view(services.same_person)
    following = None if found.cursor is None else next_path(request, found.cursor)
    return struct_response(SameGroups(await _told(services, found.groups), following))


@router.get(
    "/customers/{customer_id}/same-person",
    summary="Who is likely the same person as the customer",
    responses=openapi.responses("SameGroups", 404, 503),
)
async def same_as(request: Request, caller: CanRead, customer_id: CustomerId) -> Response:
    """The groups that the customer is in, at most one for each of phone, e-mail and union id.

    Needs the scope `attributes`. `next` is null.
    """
    no_parameters(request)
    services = services_of(request)
    services.access.require(caller, "attributes")
    found = await services.same_person.of_customer(customer_id)
    need_view(services.same_person)
    if found is None:
        raise unknown_customer()
    return struct_response(SameGroups(await _told(services, found), None))


async def _told(services: Services, groups: Iterable[Group]) -> list[SameGroup]:
    groups = list(groups)
    ids = sorted({customer_id for group in groups for customer_id in group.customer_ids})
    profiles = dict(zip(ids, await services.view.profiles(ids), strict=True))
    return [
        SameGroup(
            group.kind,
            group.size,
            [
                _customer(_decode(profile))
                for customer_id in group.customer_ids
                if (profile := profiles[customer_id]) is not None
            ],
        )
        for group in groups
    ]


def _customer(profile: _Profile) -> LikelySame:
    told = profile.attributes
    return LikelySame(
        profile.customer_id,
        told.get("name"),
        told.get("phone"),
        told.get("email"),
        profile.tier,
        profile.owner,
        profile.orders_ever,
        profile.spend_ever,
        profile.last_order_at,
    )
