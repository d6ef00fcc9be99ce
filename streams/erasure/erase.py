"""Erase a customer: write the request, follow it, and tell where data may remain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from config.deployment import Settings
from scoring.timestamps import rfc3339
from streams.erasure.counting import count_records
from streams.erasure.follow import ends_of, follow
from streams.erasure.receipt import Receipt, Remains, Step
from streams.erasure.remains import ELSEWHERE, all_remains, read_settings, topics_of
from streams.erasure.request import Request, write_request
from streams.erasure.steps import steps_of
from streams.erasure.trail import Places, Trail, places_of
from streams.erasure.view import look_at_view
from streams.topics import check_topics

WAIT_S = 60.0
"""How long an erasure is followed. A worker and a projector that run need a second or two."""
COUNT_S = 60.0
"""How long records are counted."""

Progress = Callable[[str], None]


async def erase(
    settings: Settings,
    customer_id: str,
    *,
    wait_s: float = WAIT_S,
    count: bool = False,
    on_progress: Progress = lambda _: None,
) -> Receipt:
    """Erase a customer, known or not.

    Once the request is written nothing can take it back, and nothing that fails later is raised:
    the receipt says how far it was seen. To ask again does no harm.

    Args:
        settings: of the deployment.
        customer_id: a valid id.
        wait_s: how long to follow what becomes of the request; 0 to only write it.
        count: also count the records that bear the id, for up to `COUNT_S`.
        on_progress: told what is being done.

    Raises:
        BrokerUnreachable, TopicsUnusable: nothing was written.
        KafkaError: likewise.
        ProduceFailed: the request may or may not have been written.
    """
    counts = await check_topics(settings)
    places = places_of(settings, customer_id, counts)
    # What may fail comes before the request: afterwards there is something to tell in any case.
    configs = await read_settings(settings)
    starts = await ends_of(settings, places)
    on_progress("writing the erasure")
    request = await write_request(settings, customer_id, counts, places.changelog)
    deadline_s = asyncio.get_running_loop().time() + wait_s
    trail = Trail(places, request)
    if wait_s:
        on_progress("waiting for the worker")
        await follow(settings, places, starts, trail, deadline_s)
    steps = steps_of(request, places, trail, waited=bool(wait_s))
    if wait_s:
        on_progress("looking at Redis")
        steps.append(await _view_step(settings, request, places, trail, deadline_s))
    remains = all_remains(settings, configs, request.written_ms)
    if count:
        on_progress("counting records")
        remains = await _counted(settings, customer_id, counts, places, remains)
    return Receipt(
        customer_id=customer_id,
        also_known_as=(),
        event_id=request.event_id,
        occurred_at=rfc3339(request.occurred_ms),
        known=trail.known,
        complete=_is_complete(steps, waited=bool(wait_s)),
        steps=tuple(steps),
        remains=remains,
        elsewhere=ELSEWHERE,
    )


async def _view_step(
    settings: Settings, request: Request, places: Places, trail: Trail, deadline_s: float
) -> Step:
    if not trail.profile_is_null:
        return Step("view", "not_looked", "Redis follows the profile, which was not seen to go")
    offset = trail.null_profile
    null = None if offset is None else (places.profiles.partition, offset)
    return await look_at_view(settings, request.customer_id, null, deadline_s)


async def _counted(
    settings: Settings,
    customer_id: str,
    counts: dict[str, int],
    places: Places,
    remains: tuple[Remains, ...],
) -> tuple[Remains, ...]:
    topics = {topic: counts[topic] for topic in topics_of(settings)}
    found = await count_records(settings, customer_id, topics, places, COUNT_S)
    return tuple(replace(one, count=found[one.topic]) for one in remains)


def _is_complete(steps: list[Step], *, waited: bool) -> bool:
    """A Redis that nobody configured and that is not there is no step that lacks."""
    lacking = [one for one in steps if one.outcome != "done"]
    return waited and all(one.where == "view" and one.outcome == "not_looked" for one in lacking)
