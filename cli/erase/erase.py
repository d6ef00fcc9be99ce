"""Erase a customer: write the request, follow it, and tell where data may remain."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from cli.erase.count import count_records
from cli.erase.follow import ends_of, follow
from cli.erase.redis_check import look_at_view
from cli.erase.steps import steps_of
from cli.erase.trail import Trail, places_of
from config.settings import Settings
from scoring.timestamps import rfc3339
from streams.erasure.receipt import Receipt, ResidualData, Step
from streams.erasure.request import write_request
from streams.erasure.retention import ELSEWHERE, all_residual_data, read_settings, topics_of
from streams.kafka.topics import check_topics

WAIT_S = 60.0
"""How long an erasure is waited for. A worker and a projector that run need a second or two."""
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
        wait_s: how long to wait for the worker, and then for the projector; 0 to only write the
            request.
        count: also count the records that bear the id, for up to `COUNT_S`.
        on_progress: told what is being done.

    Raises:
        BrokerUnreachable, TopicsUnusable: nothing was written.
        KafkaError: likewise.
        ProduceFailed: the request may or may not have been written.
    """
    counts = await check_topics(settings)
    # What may fail comes before the request: afterwards there is something to tell in any case.
    configs = await read_settings(settings)
    starts = await ends_of(settings, counts)
    on_progress("writing the erasure")
    request = await write_request(settings, customer_id, counts)
    trails: list[Trail] = []
    if wait_s:
        on_progress("waiting for the worker")
        trails = await follow(settings, request, counts, starts, wait_s)
    steps = steps_of(request, trails)
    if wait_s:
        on_progress("looking at Redis")
        steps.append(await _view_step(settings, trails, wait_s))
    ids = _ids(customer_id, trails)
    remains = all_residual_data(settings, configs, request.written_ms)
    if count:
        on_progress("counting records")
        remains = await _counted(settings, ids, counts, remains)
    return Receipt(
        customer_id=customer_id,
        erased_id=ids[0],
        also_known_as=ids[1:],
        event_id=request.event_id,
        occurred_at=rfc3339(request.occurred_ms),
        known=trails[-1].known if trails else None,
        complete=bool(trails) and _is_complete(steps),
        steps=tuple(steps),
        remains=remains,
        elsewhere=ELSEWHERE,
    )


def _ids(customer_id: str, trails: list[Trail]) -> tuple[str, ...]:
    """All ids of the person: first the one that is erased, then those that led or lead to it."""
    passed = [trail.customer_id for trail in reversed(trails)] or [customer_id]
    return tuple(dict.fromkeys([*passed, *(trails[-1].also if trails else ())]))


async def _view_step(settings: Settings, trails: list[Trail], wait_s: float) -> Step:
    last = trails[-1]
    if not last.profile_is_null:
        return Step("view", "not_looked", "Redis follows the profile, which was not seen to go")
    offset = last.null_profile
    null = None if offset is None else (last.places.profiles.partition, offset)
    ids = [trail.customer_id for trail in trails]
    return await look_at_view(settings, ids, null, wait_s)


async def _counted(
    settings: Settings,
    ids: tuple[str, ...],
    counts: dict[str, int],
    remains: tuple[ResidualData, ...],
) -> tuple[ResidualData, ...]:
    topics = {topic: counts[topic] for topic in topics_of(settings)}
    places = [places_of(settings, customer_id, counts) for customer_id in ids]
    found = await count_records(settings, ids, topics, places, COUNT_S)
    return tuple(replace(one, count=found[one.topic]) for one in remains)


def _is_complete(steps: list[Step]) -> bool:
    """A Redis that nobody configured and that is not there is no step that lacks."""
    lacking = [one for one in steps if one.outcome != "done"]
    return all(one.where == "view" and one.outcome == "not_looked" for one in lacking)
