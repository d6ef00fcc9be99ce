"""Endless traffic that looks like a real shop's: seeded, and pure given how events are stamped.

A discrete-event simulation. Every customer has a next purchase and a next visit on the agenda, at
times drawn from the customer's own pace (`shoppers`) and the week's activity (`distributions`).
What follows from a purchase goes on the agenda as well. A customer who goes silent leaves after a
few last visits and is replaced by a newcomer, so the agenda, and with it memory, does not grow.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from itertools import count

from devtools.traffic.after_sales import after_sales, cancelled_too_soon
from devtools.traffic.distributions import DAY_MS, HOUR_MS, MINUTE_MS, after_active_wait, draws_for
from devtools.traffic.record import Draft, TrafficRecord, encode_json, event_of
from devtools.traffic.service import (
    cancelled_redemption,
    care,
    reason_of_leaving,
    response,
)
from devtools.traffic.sessions import ticket, visit
from devtools.traffic.shoppers import (
    Customer,
    PopulationShape,
    consent,
    correction,
    customer,
    introduction,
    redemption,
    referral,
)
from scoring.money import text_of_minor
from streams.kafka.topics import topic_for

Stamp = Callable[[int, int], int]
"""Event time (epoch ms) of an event, from its time in the simulation and its number (from 0)."""

_VISITS_PER_PURCHASE = 3
_MEAN_VIEWS = 2.5
_WITHIN_CUSTOMER_SPREAD = 0.45
_SIMULATION_PART = 1 << 39  # no customer has this number: the draws are nobody else's

_Action = Callable[[Customer, int], None]


def natural(at_ms: int, _number: int) -> int:
    """Events happen when the simulated customers act."""
    return at_ms


def paced(start_ms: int, events_per_second: float) -> Stamp:
    """Events happen at a steady pace from `start_ms`, faster or slower than customers act."""

    def stamp(_at_ms: int, number: int) -> int:
        return start_ms + int(number * 1000 / events_per_second)

    return stamp


def simulate(
    start_ms: int, shape: PopulationShape | None = None, stamp: Stamp = natural
) -> Iterator[TrafficRecord]:
    """Events from `start_ms` on, without end, in order of event time (if `stamp` keeps it).

    Event and order ids hold the seed and the start, so that another run does not repeat them;
    the customers of a seed are always the same.
    """
    simulation = _Simulation(start_ms, shape or PopulationShape())
    for number, draft in enumerate(simulation.drafts()):
        at_ms = stamp(draft.at_ms, number)
        event = event_of(draft, f"{simulation.run}-{number}", at_ms)
        yield TrafficRecord(
            at_ms, topic_for(draft.type), draft.customer_id.encode(), encode_json(event)
        )


class _Simulation:
    def __init__(self, start_ms: int, shape: PopulationShape) -> None:
        self.run = f"s{shape.seed}-{start_ms:x}"
        self._shape = shape
        self._draws = draws_for(shape.seed, _SIMULATION_PART)
        self._agenda: list[tuple[int, int, _Action | Draft, Customer | None]] = []
        self._sequence = count()
        self._orders = count(1)
        self._sessions = count(1)
        self._newcomers = count(shape.customers)
        for number in range(shape.customers):
            self._welcome(customer(number, shape), start_ms)

    def drafts(self) -> Iterator[Draft]:
        """What happens next, for ever."""
        while True:
            at_ms, _, what, who = heapq.heappop(self._agenda)
            if isinstance(what, Draft):
                yield what
            elif who is not None:
                what(who, at_ms)

    def _plan(self, at_ms: int, what: _Action | Draft, who: Customer | None = None) -> None:
        heapq.heappush(self._agenda, (at_ms, next(self._sequence), what, who))

    def _plan_after(self, now_ms: int, mean_ms: float, what: _Action, who: Customer) -> None:
        self._plan(after_active_wait(now_ms, self._draws.wait_ms(mean_ms)), what, who)

    def _welcome(self, who: Customer, now_ms: int) -> None:
        self._plan_after(now_ms, who.mean_pause_ms, self._buy, who)
        self._plan_after(now_ms, who.mean_pause_ms / _VISITS_PER_PURCHASE, self._look_around, who)

    def _look_around(self, who: Customer, now_ms: int) -> None:
        pause_ms = who.mean_pause_ms / _VISITS_PER_PURCHASE
        if who.silent:
            if who.visits_left_alone == 0:
                return
            who.visits_left_alone -= 1
            pause_ms *= 3
        self._session(who, now_ms, buys=False)
        self._plan_after(now_ms, pause_ms, self._look_around, who)

    def _session(self, who: Customer, now_ms: int, *, buys: bool) -> int:
        """Plans a session; returns the time of its last event."""
        steps = visit(
            self._draws,
            who.customer_id,
            now_ms,
            f"{self.run}-v{next(self._sessions)}",
            mean_views=_MEAN_VIEWS,
            buys=buys,
            favourite=who.favourite,
        )
        for step in steps:
            self._plan(step.at_ms, step)
        self._introduce(who, now_ms)
        return steps[-1].at_ms

    def _introduce(self, who: Customer, now_ms: int) -> None:
        draws = self._draws
        if who.known:
            return
        who.known = True
        if draws.chance(0.6):
            self._plan(now_ms, introduction(draws, who.customer_id, now_ms))
        if draws.chance(0.7):
            self._plan(now_ms, consent(draws, who.customer_id, now_ms, yes=0.8))

    def _buy(self, who: Customer, now_ms: int) -> None:
        draws = self._draws
        placed_ms = self._session(who, now_ms, buys=True) + draws.between(5_000, 3 * MINUTE_MS)
        order_id = f"{self.run}-o{next(self._orders)}"
        amount_minor = self._amount_minor(who)
        self._plan(placed_ms, self._order(who, placed_ms, order_id, amount_minor))
        self._follow(who, placed_ms, order_id, amount_minor)
        if draws.chance(who.silence):
            who.silent = True
            who.visits_left_alone = draws.between(0, 4)
            if draws.chance(0.1):
                left = reason_of_leaving(draws, who.customer_id, placed_ms)
                self._plan(left.at_ms, left)
            newcomer = customer(next(self._newcomers), self._shape)
            self._plan_after(placed_ms, DAY_MS, self._welcome, newcomer)
        else:
            self._plan_after(placed_ms, who.mean_pause_ms, self._buy, who)

    def _amount_minor(self, who: Customer) -> int:
        major = math.exp(self._draws.gauss(who.log_median_amount, _WITHIN_CUSTOMER_SPREAD))
        return max(100, min(int(major * 100), 5_000_000))

    def _order(self, who: Customer, placed_ms: int, order_id: str, amount_minor: int) -> Draft:
        """The `order.placed`; one in twelve is paid, or fails to be, only later."""
        draws = self._draws
        status = "paid"
        if draws.chance(1 / 12):
            status = "pending"
            settled_ms = placed_ms + draws.wait_ms(2 * HOUR_MS)
            outcome = "order.paid" if draws.chance(0.9) else "order.payment_failed"
            settled = Draft(settled_ms, outcome, who.customer_id, {"order_id": order_id})
            self._plan(settled_ms, settled)
            if outcome == "order.paid":
                for cancelled in cancelled_too_soon(draws, placed_ms, settled):
                    self._plan(cancelled.at_ms, cancelled)
        item = {
            "sku": f"{who.favourite}-{draws.between(1, 200):03d}",
            "quantity": draws.between(1, 4),
            "category": who.favourite,
        }
        fields = {
            "channel": "web",
            "order_id": order_id,
            "amount": text_of_minor(amount_minor, 2),
            "currency": "USD",
            "payment_status": status,
            "items": [item],
        }
        return Draft(placed_ms, "order.placed", who.customer_id, fields)

    def _follow(self, who: Customer, placed_ms: int, order_id: str, amount_minor: int) -> None:
        draws, customer_id = self._draws, who.customer_id
        followers: list[Draft] = []
        if draws.chance(0.04):
            opened_ms = after_active_wait(placed_ms, draws.wait_ms(4 * DAY_MS))
            steps = ticket(draws, customer_id, opened_ms, f"{order_id}-ticket")
            followers += [*steps, response(draws, steps[0])]
        followers += after_sales(draws, customer_id, placed_ms, order_id, amount_minor)
        if draws.chance(0.015):
            changed_ms = placed_ms + draws.wait_ms(HOUR_MS)
            followers.append(correction(draws, customer_id, changed_ms))
        if draws.chance(0.015):
            changed_ms = placed_ms + draws.wait_ms(HOUR_MS)
            followers.append(consent(draws, customer_id, changed_ms, yes=0.5))
        if draws.chance(0.03):
            followers.append(referral(draws, customer_id, placed_ms))
        if draws.chance(0.06):
            redeemed = redemption(draws, customer_id, placed_ms, f"{order_id}-points")
            followers += [redeemed, *cancelled_redemption(draws, redeemed)]
        followers += care(draws, customer_id, placed_ms, order_id)
        for follower in followers:
            self._plan(follower.at_ms, follower)
