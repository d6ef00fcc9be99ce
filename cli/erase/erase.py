"""Erases a customer: writes the request, follows it, and reports where data may remain."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from cli.erase.count import count_records
from cli.erase.follow import ends_of, follow
from cli.erase.redis_check import check_view
from cli.erase.steps import steps_of
from cli.erase.trail import Trail, customer_partitions
from config.settings import Settings
from scoring.timestamps import rfc3339
from streams.erasure.receipt import Receipt, ResidualData, Step
from streams.erasure.request import write_request
from streams.erasure.retention import ELSEWHERE, all_residual_data, read_settings, topics_of
from streams.kafka.topics import check_topics

WAIT_S = 60.0
"""How long to wait for an erasure. A running worker and projector need a second or two."""
COUNT_S = 60.0
"""How long to count records."""

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

    Once the request is written it cannot be undone, and later failures are not raised: the receipt
    says how far the erasure was seen. Erasing again is harmless.

    Args:
        settings: of the deployment.
        customer_id: a valid id.
        wait_s: how long to wait for the worker, and then for the projector; 0 to only write the
            request.
        count: also count the records that contain the id, for up to `COUNT_S`.
        on_progress: called with what is being done.

    Raises:
        BrokerUnreachable, TopicsUnusable: nothing was written.
        KafkaError: likewise.
        ProduceFailed: the request may or may not have been written.
    """
    counts = await check_topics(settings)
    # What may fail comes before the request: once it is written, there must be a receipt.
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
    """All ids of the customer: first the one that is erased, then those merged into it."""
    passed = [trail.customer_id for trail in reversed(trails)] or [customer_id]
    return tuple(dict.fromkeys([*passed, *(trails[-1].also if trails else ())]))


async def _view_step(settings: Settings, trails: list[Trail], wait_s: float) -> Step:
    last = trails[-1]
    if not last.profile_is_null:
        return Step("view", "not_looked", "Redis follows the profile, which was not seen to go")
    offset = last.null_profile
    null = None if offset is None else (last.partitions.profiles.partition, offset)
    ids = [trail.customer_id for trail in trails]
    return await check_view(settings, ids, null, wait_s)


async def _counted(
    settings: Settings,
    ids: tuple[str, ...],
    counts: dict[str, int],
    remains: tuple[ResidualData, ...],
) -> tuple[ResidualData, ...]:
    topics = {topic: counts[topic] for topic in topics_of(settings)}
    of_ids = [customer_partitions(settings, customer_id, counts) for customer_id in ids]
    found = await count_records(settings, ids, topics, of_ids, COUNT_S)
    return tuple(replace(one, count=found[one.topic]) for one in remains)


def _is_complete(steps: list[Step]) -> bool:
    """Whether all is done; a Redis that is neither configured nor there need not be."""
    lacking = [one for one in steps if one.outcome != "done"]
    return all(one.where == "view" and one.outcome == "not_looked" for one in lacking)
