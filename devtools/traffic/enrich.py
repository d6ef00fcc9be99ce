"""Adds a shop's other traffic to the purchase log, as one stream in order of arrival.

A purchase may have a session before it, idle visits after it that grow rare, a support ticket, a
refund, a cancellation, and a profile update. What belongs to a purchase depends only on the seed
and that purchase, so a part of the log gives a part of the same events. Memory is bounded by the
horizon of 120 days: the merge holds only the future events of purchases made so far.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from devtools.traffic.cdnow import END_MS, Purchase
from devtools.traffic.damage import damaged
from devtools.traffic.distributions import DAY_MS, HOUR_MS, MINUTE_MS, Draws, draws_for
from devtools.traffic.record import Draft, Event, TrafficRecord, event_of, record_of
from devtools.traffic.sessions import (
    CATEGORIES,
    LONGEST_VISIT_MS,
    cancellation,
    refund,
    ticket,
    visit,
)
from devtools.traffic.shoppers import consent, correction, introduction

HORIZON_MS = 120 * DAY_MS
"""Nothing follows from a purchase later than this after it."""


@dataclass(frozen=True, slots=True)
class TrafficShape:
    """How much happens around the purchases. Shares are probabilities, 0 to 1.

    The defaults give about 1.15 events beside each purchase of the CDNOW log, 150 thousand in all.
    """

    seed: int = 1
    """Another seed gives other traffic around the same purchases."""
    until_ms: int = END_MS
    """The stream ends before this instant (epoch ms)."""
    sessions: float = 0.2
    """Share of purchases with a session before them."""
    mean_views: float = 1.8
    """Pages and products seen in a session, on average."""
    idle_visits: float = 0.16
    """Chance of an idle visit after a purchase; of another after each, with twice the pause."""
    first_pause_days: float = 6.0
    """Mean days from a purchase to its first idle visit."""
    tickets: float = 0.03
    """Share of orders with a support ticket."""
    refunds: float = 0.03
    """Share of orders of more than zero with a refund."""
    cancellations: float = 0.008
    """Share of orders that are cancelled (and then not refunded)."""
    introductions: float = 0.25
    """Share of customers who fill in a profile around their first purchase."""
    consents: float = 0.2
    """Share of customers who say at their first purchase whether they want marketing (80 % yes)."""
    later_changes: float = 0.015
    """Share of later purchases with a changed profile, and with a changed consent (half yes)."""
    bad_records: bool = False
    """Adds unusable records, about `bad_share` of all."""
    bad_share: float = 0.0005
    duplicate_share: float = 0.0
    """Share of records sent twice, the second time up to 6 hours later."""
    late_share: float = 0.0
    """Share of records that arrive 1 to 20 minutes late."""


def enriched(
    purchases: Iterable[Purchase], shape: TrafficShape | None = None
) -> Iterator[TrafficRecord]:
    """The purchases (in order of time) and what is around them, in order of arrival."""
    shape = shape or TrafficShape()
    waiting: list[tuple[int, int, TrafficRecord]] = []
    number = count()
    for purchase in purchases:
        settled_ms = purchase.at_ms - LONGEST_VISIT_MS
        while waiting and waiting[0][0] < settled_ms:
            yield heapq.heappop(waiting)[2]
        for record in _around(purchase, shape):
            if record.at_ms < shape.until_ms:
                heapq.heappush(waiting, (record.at_ms, next(number), record))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _around(purchase: Purchase, shape: TrafficShape) -> Iterator[TrafficRecord]:
    draws = draws_for(shape.seed, purchase.row)
    latest_ms = purchase.at_ms + HORIZON_MS
    events = [(purchase.at_ms, purchase.event())]
    for number, draft in enumerate(_drafts(draws, purchase, shape)):
        if draft.at_ms < latest_ms:
            events.append((draft.at_ms, event_of(draft, f"{purchase.order_id}-{number}")))
    for at_ms, event in events:
        yield from _as_it_arrives(draws, event, at_ms, shape)


def _as_it_arrives(
    draws: Draws, event: Event, at_ms: int, shape: TrafficShape
) -> Iterator[TrafficRecord]:
    """The record of an event, perhaps late, perhaps twice, perhaps with an unusable one behind."""
    if draws.chance(shape.late_share):
        at_ms += draws.between(MINUTE_MS, 20 * MINUTE_MS)
    record = record_of(event, at_ms)
    yield record
    if draws.chance(shape.duplicate_share):
        yield record._replace(at_ms=at_ms + draws.between(1, 6 * HOUR_MS))
    if shape.bad_records and draws.chance(shape.bad_share):
        value = damaged(draws, event)
        yield record._replace(at_ms=at_ms + 1, value=value)


def _drafts(draws: Draws, purchase: Purchase, shape: TrafficShape) -> Iterator[Draft]:
    order_id, customer_id, placed_ms = purchase.order_id, purchase.customer_id, purchase.at_ms
    if draws.chance(shape.sessions):
        start_ms = placed_ms - draws.between(LONGEST_VISIT_MS // 2, LONGEST_VISIT_MS)
        session = f"{order_id}-session"
        yield from visit(
            draws,
            customer_id,
            start_ms,
            session,
            mean_views=shape.mean_views,
            buys=True,
            favourite=_favourite(customer_id),
        )
    if purchase.nth == 1:
        if draws.chance(shape.introductions):
            yield introduction(draws, customer_id, placed_ms + draws.wait_ms(10 * MINUTE_MS))
        if draws.chance(shape.consents):
            yield consent(draws, customer_id, placed_ms + 1, yes=0.8)
    else:
        if draws.chance(shape.later_changes):
            yield correction(draws, customer_id, placed_ms + draws.wait_ms(HOUR_MS))
        if draws.chance(shape.later_changes):
            yield consent(draws, customer_id, placed_ms + draws.wait_ms(HOUR_MS), yes=0.5)
    if draws.chance(shape.tickets):
        opened_ms = placed_ms + draws.wait_ms(4 * DAY_MS)
        yield from ticket(draws, customer_id, opened_ms, f"{order_id}-ticket")
    if draws.chance(shape.cancellations):
        yield cancellation(draws, customer_id, placed_ms, order_id)
    elif purchase.amount_minor > 0 and draws.chance(shape.refunds):
        yield refund(draws, customer_id, placed_ms, order_id, purchase.amount_minor)
    yield from _idle_visits(draws, purchase, shape)


def _idle_visits(draws: Draws, purchase: Purchase, shape: TrafficShape) -> Iterator[Draft]:
    """Visits that buy nothing: each pause is twice as long on average as the one before."""
    at_ms, pause_days = purchase.at_ms, shape.first_pause_days
    number = 0
    while draws.chance(shape.idle_visits):
        at_ms += draws.wait_ms(pause_days * DAY_MS)
        pause_days *= 2
        number += 1
        if at_ms >= purchase.at_ms + HORIZON_MS:
            return
        yield from visit(
            draws,
            purchase.customer_id,
            at_ms,
            f"{purchase.order_id}-idle-{number}",
            mean_views=shape.mean_views,
            buys=False,
            favourite=_favourite(purchase.customer_id),
        )


def _favourite(customer_id: str) -> str:
    return CATEGORIES[sum(customer_id.encode()) % len(CATEGORIES)]
