"""Changes as they happen."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field

from serving.api import openapi
from serving.api.dependencies import CanRead, services_of
from serving.api.parameters import (
    Parameters,
    checked_customer_id,
    instant_before,
    known_values,
)
from serving.api.sse.filter import ChangeFilter
from serving.api.sse.position import TOPICS, TYPES
from serving.api.sse.response import EventStream
from streams.runtime.clock import wall_ms

_CUSTOMERS_MAX = 50
_TIERS_MAX = 50

router = APIRouter(prefix="/v1/changes", tags=["changes"])


class _ChangesQuery(Parameters):
    topic: list[str] = Field(
        default=[],
        description=f"Only these topics, of {', '.join(TOPICS)}.",
        examples=[[TOPICS[0]]],
    )
    type: list[str] = Field(default=[], description=f"Only these types, of {', '.join(TYPES)}.")
    customer: list[str] = Field(
        default=[], max_length=_CUSTOMERS_MAX, description="Only these customers."
    )
    tier: list[str] = Field(
        default=[],
        max_length=_TIERS_MAX,
        description="Only changes after which the customer is in one of these tiers; changes that "
        "tell no tier are left out.",
    )
    actionable: bool = Field(
        default=False,
        description="Only changes that are to be acted on: those with `suppressed` are left out.",
    )
    since: str | None = Field(
        default=None,
        description="Begin with what was written since then: a time, or how long ago. Else begin "
        "now. Without effect with `Last-Event-ID`.",
        examples=["1h"],
    )
    last_event_id: str | None = Field(
        default=None, description="As the header, for clients that cannot set one."
    )

    def change_filter(self, *, sees_attributes: bool) -> ChangeFilter:
        """The filter that the parameters ask for, checked."""
        known_values("topic", self.topic, TOPICS)
        known_values("type", self.type, TYPES)
        return ChangeFilter(
            topics=frozenset(self.topic or TOPICS),
            types=frozenset(self.type),
            customers=frozenset(checked_customer_id(each, "customer") for each in self.customer),
            tiers=frozenset(self.tier),
            actionable=self.actionable,
            sees_attributes=sees_attributes,
        )


@router.get(
    "",
    summary="Changes as they happen",
    responses=openapi.stream_responses(400, 503),
    response_class=Response,
)
async def changes(
    request: Request,
    caller: CanRead,
    asked: Annotated[_ChangesQuery, Query()],
    last_event_id: Annotated[str | None, Header(description="Id of the last event seen.")] = None,
) -> Response:
    """Tier changes, dormancy alerts, reminders and profile changes as server-sent events.

    `event` is the type, `data` the whole CloudEvent as it is on the topic, and `id` a position in
    every partition: with it as `Last-Event-ID` any instance resumes exactly after that event. Order
    holds per customer and topic. What Kafka has twice comes twice: drop what is not above the last
    `data.sequence` of that customer on that topic.

    An event `tierstream.gap` says that a topic no longer has what comes next, and where reading
    goes on. A client that does not read is cut off after 30 seconds and may resume by the id. A
    stream ends when its token does. Without the scope `attributes` there is no `birthday.upcoming`.
    """
    services = services_of(request)
    wanted = asked.change_filter(sees_attributes=caller.sees_attributes)
    since_ms = None
    if asked.since is not None:
        since_ms = instant_before(asked.since, "since", wall_ms())
    last_id = last_event_id or asked.last_event_id or None
    async with AsyncExitStack() as stack:
        opened = services.streams.open(wanted, last_id, since_ms)
        found = await stack.enter_async_context(opened)
        return EventStream(
            found.chunks(),
            stack.pop_all(),
            is_authorized=lambda: services.access.still_admits(caller),
            ending=services.streams.ending,
            meter=services.streams.meter,
        )
    raise AssertionError("unreachable")  # nothing in the stack swallows an exception
