"""Points, folded anew from everything that ever happened to them whenever they are asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.oracle.care import reminder
from tests.oracle.customer import Customer
from tests.oracle.identity import Event
from tests.oracle.ledger import Order
from tests.oracle.policy import Policy
from tests.oracle.suppression import marks
from tests.oracle.times import business_day, start_of_day, time_text

MOST_AT_ONCE = 10**12
CAUSES = {
    "order.placed": "order",
    "order.paid": "order",
    "order.cancelled": "cancellation",
    "order.payment_failed": "cancellation",
    "order.refunded": "refund",
    "order.refund_cancelled": "refund",
    "order.updated": "order",
}


@dataclass
class OrderPoints:
    """What an order was taken at, and the points it stands for now."""

    rate: Fraction
    least: Fraction
    per: Fraction | None = None
    points: int = 0
    day: date = date.min
    expires_ms: int | None = None


@dataclass(frozen=True)
class Movement:
    """One thing that happened: points are positive, `kind` says which way they went."""

    kind: str  # earned, taken back, deducted, redeemed, given back, expired, joined
    points: int
    at_ms: int
    day: date = date.min
    expires_ms: int | None = None
    joined: tuple["Movement", ...] = ()  # all that happened to the points of somebody merged
    redemption_id: str = ""
    lost: int = 0  # of points given back, those that have expired meanwhile


@dataclass
class Chunk:
    """Points earned at one time, as far as they are left."""

    day: date
    expires_ms: int | None
    left: int


@dataclass
class Standing:
    """What all movements come to."""

    chunks: list[Chunk] = field(default_factory=list)
    owed: int = 0
    spent: dict[str, list[Chunk]] = field(default_factory=dict)  # by redemption

    @property
    def balance(self) -> int:
        return sum(chunk.left for chunk in self.chunks) - self.owed

    def use_up(self, points: int, chunks: list[Chunk]) -> int:
        """Takes points out of chunks in turn; returns what could not be taken."""
        for chunk in chunks:
            taken = min(points, chunk.left)
            chunk.left -= taken
            points -= taken
        return points

    def spend(self, redemption_id: str, points: int) -> None:
        """Takes the oldest points, and remembers which."""
        before = [(chunk, chunk.left) for chunk in self.chunks]
        assert self.use_up(points, self.chunks) == 0
        self.spent[redemption_id] = [
            Chunk(chunk.day, chunk.expires_ms, left - chunk.left)
            for chunk, left in before
            if left > chunk.left
        ]

    def give_back(self, redemption_id: str, at_ms: int) -> None:
        """What a redemption spent comes back, but for what is over by now; debts come first."""
        chunks = [c for c in self.spent.pop(redemption_id) if not is_over(c, at_ms)]
        self.owed = self.use_up(self.owed, chunks)
        self.chunks = sorted([*self.chunks, *chunks], key=lambda chunk: chunk.day)

    def next_expiry(self) -> tuple[int | None, int | None]:
        instants = [c.expires_ms for c in self.chunks if c.left and c.expires_ms is not None]
        if not instants:
            return None, None
        first_ms = min(instants)
        return first_ms, sum(c.left for c in self.chunks if c.expires_ms == first_ms)


def is_over(chunk: Chunk, at_ms: int) -> bool:
    return chunk.expires_ms is not None and chunk.expires_ms <= at_ms


def standing(movements: list[Movement]) -> Standing:
    """Goes through all movements from the first."""
    now = Standing()
    for each in movements:
        if each.kind == "earned":
            paid_off = min(now.owed, each.points)
            now.owed -= paid_off
            now.chunks.append(Chunk(each.day, each.expires_ms, each.points - paid_off))
            now.chunks.sort(key=lambda chunk: chunk.day)
        elif each.kind == "taken back":
            own = [c for c in now.chunks if (c.day, c.expires_ms) == (each.day, each.expires_ms)]
            now.owed += now.use_up(now.use_up(each.points, own), now.chunks)
        elif each.kind == "joined":
            other = standing(list(each.joined))
            now.chunks = sorted([*now.chunks, *other.chunks], key=lambda chunk: chunk.day)
            now.owed = now.use_up(now.owed + other.owed, now.chunks)
            now.spent = other.spent | now.spent
        elif each.kind == "deducted":
            now.owed += now.use_up(each.points, now.chunks)
        elif each.kind == "redeemed":
            now.spend(each.redemption_id, each.points)
        elif each.kind == "given back":
            now.give_back(each.redemption_id, each.at_ms)
        else:
            gone = [
                c for c in now.chunks if c.expires_ms is not None and c.expires_ms <= each.at_ms
            ]
            assert sum(chunk.left for chunk in gone) == each.points
            now.chunks = [chunk for chunk in now.chunks if chunk not in gone]
    return now


def shown(movements: list[Movement]) -> dict[str, Any]:
    """The points as the profile has them."""
    now = standing(movements)
    expires_ms, points = now.next_expiry()

    def total(kind: str, among: Sequence[Movement] = movements) -> int:
        own = sum(each.points for each in among if each.kind == kind)
        return own + sum(total(kind, each.joined) for each in among if each.joined)

    def lost(among: Sequence[Movement]) -> int:
        return sum(each.lost + lost(each.joined) for each in among)

    return {
        "balance": now.balance,
        "next_expiry_at": time_text(expires_ms),
        "next_expiry_points": points,
        "earned": total("earned"),
        "redeemed": total("redeemed") - total("given back") - lost(movements),
        "taken_back": total("taken back") + total("deducted"),
        "expired": total("expired") + lost(movements),
    }


def next_expiry_ms(customer: Customer) -> int | None:
    return standing(customer.movements).next_expiry()[0]


def expire(customer: Customer, at_ms: int, policy: Policy, cause: str) -> list[dict[str, Any]]:
    """Everything whose instant has come goes; what came untold is told with it."""
    delta = customer.untold_points - let_go(customer, at_ms)
    customer.untold_points = 0
    why = {"cause": cause, "caused_by": []}
    return [_tell(customer, delta, at_ms, policy, why)] if delta else []


def let_go(customer: Customer, at_ms: int) -> int:
    """Everything whose instant has come goes without a word; how much it was."""
    chunks = standing(customer.movements).chunks
    points = sum(c.left for c in chunks if c.expires_ms is not None and c.expires_ms <= at_ms)
    if points:
        customer.movements.append(Movement("expired", points, at_ms))
    return points


@dataclass(frozen=True)
class OrdersJoined:
    """What a merge did to orders: those it changed (and whether they counted), those dropped.

    `twins` are the orders that took the place of others, by the identity of those.
    """

    changed: list[tuple[Order, bool]]
    told_twice: list[Order]
    twins: dict[int, Order]


def join(
    customer: Customer,
    other: Customer,
    orders: OrdersJoined,
    tier: str,
    at_ms: int,
    policy: Policy,
    caused_by: tuple[str, ...],
) -> list[dict[str, Any]]:
    """The points of two who became one; one who was in `tier` before. What changed is told once."""
    before = standing(customer.movements).balance
    if policy.points is not None:
        let_go(other, at_ms)
    if other.movements:
        customer.movements.append(Movement("joined", 0, at_ms, joined=tuple(other.movements)))
    if policy.points is not None:
        for order, counted_before in orders.changed:
            came_to_count = order.counts(policy) and not counted_before
            customer.movements += _settled(order, tier, at_ms, policy, came_to_count=came_to_count)
    for order in orders.told_twice:
        gave = order.points
        if gave.points and (gave.expires_ms is None or gave.expires_ms > at_ms):
            back = Movement("taken back", gave.points, at_ms, gave.day, gave.expires_ms)
            customer.movements.append(back)
    _settle_cancelled(customer, at_ms)
    delta = standing(customer.movements).balance - before
    if policy.points is None:
        customer.untold_points += delta
        return []
    why = {"cause": "merge", "caused_by": list(caused_by)}
    return [_tell(customer, delta, at_ms, policy, why)] if delta else []


def _given_back(redemption_id: str, spent: list[Chunk], at_ms: int) -> Movement:
    lost = sum(chunk.left for chunk in spent if is_over(chunk, at_ms))
    points = sum(chunk.left for chunk in spent) - lost
    return Movement("given back", points, at_ms, redemption_id=redemption_id, lost=lost)


def _settle_cancelled(customer: Customer, at_ms: int) -> None:
    """A cancellation that waited reaches a redemption that a merge brought."""
    known = [each for each, _ in customer.redemptions]
    for redemption_id in customer.redemptions_cancelled:
        spent = standing(customer.movements).spent.get(redemption_id)
        if spent is not None:
            customer.movements.append(_given_back(redemption_id, spent, at_ms))
    waiting = [each for each in customer.redemptions_cancelled if each not in known]
    customer.redemptions_cancelled = waiting


def follow(
    event: Event, orders: list[Order], customer: Customer, tier: str, at_ms: int, policy: Policy
) -> list[dict[str, Any]]:
    """What an event does to the points of a customer who was in `tier` before it."""
    if policy.points is None:
        return []
    why: dict[str, Any] = {"caused_by": [event.event_id]}
    if event.acts_as in CAUSES:
        why |= {"cause": CAUSES[event.acts_as]}
        told = []
        for order in orders:
            came_to_count = order.counts(policy) and order.just_came_to_count
            settled = _settled(order, tier, at_ms, policy, came_to_count=came_to_count)
            why |= {"order_id": order.order_id}
            told += [_move(customer, movement, policy, why) for movement in settled]
        return told
    if event.type == "activity.recorded":
        why |= {"cause": "activity", "activity": event.fields["activity"]}
        return _record(event.fields["activity"], customer, at_ms, policy, why)
    if event.type == "points.redeemed":
        why |= {"cause": "redemption", "redemption_id": event.fields["redemption_id"]}
        return _redeem(event, customer, at_ms, policy, why)
    if event.type == "points.redemption_cancelled":
        why |= {"cause": "redemption_cancelled", "redemption_id": event.fields["redemption_id"]}
        return _cancel(event.fields["redemption_id"], customer, at_ms, policy, why)
    if event.type == "points.adjusted":
        why |= {"cause": "adjustment", "adjustment_reason": event.fields["reason"]}
        return [_move(customer, _adjustment(event, at_ms, policy), policy, why)]
    return []


def _adjustment(event: Event, at_ms: int, policy: Policy) -> Movement:
    points = int(event.fields["points"])
    if points < 0:
        return Movement("deducted", -points, at_ms)
    return Movement("earned", points, at_ms, *_earned_now(at_ms, policy))


def _cancel(
    redemption_id: str, customer: Customer, at_ms: int, policy: Policy, why: dict[str, Any]
) -> list[dict[str, Any]]:
    """Gives back what a redemption spent, or waits for it."""
    spent = standing(customer.movements).spent.get(redemption_id)
    if spent is not None:
        movement = _given_back(redemption_id, spent, at_ms)
        if movement.points:
            return [_move(customer, movement, policy, why)]
        customer.movements.append(movement)
        return []
    known = [each for each, _ in customer.redemptions] + customer.redemptions_cancelled
    if redemption_id not in known:
        customer.redemptions_cancelled.append(redemption_id)
    return []


def warn(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    """Points that expire soon: each instant at which some do is told once, on a business day."""
    if policy.points is None or policy.points.get("warn_days") is None:
        return []
    ahead = timedelta(days=policy.points["warn_days"])
    today, now = business_day(at_ms, policy.timezone), standing(customer.movements)
    instants = {c.expires_ms for c in now.chunks if c.left and c.expires_ms is not None}
    told = []
    for expires_ms in sorted(instants):
        day = business_day(expires_ms, policy.timezone)
        if expires_ms in customer.points_told_ms or day - ahead > today or expires_ms <= at_ms:
            continue
        customer.points_told_ms.append(expires_ms)
        rule = {"action": policy.points.get("warn_action")}
        more = {
            "points": sum(c.left for c in now.chunks if c.expires_ms == expires_ms),
            "expires_at": time_text(expires_ms),
            "balance": now.balance,
        }
        told.append(reminder(customer, "points.expiring", day, rule, at_ms, policy) | more)
    return told


def _settled(
    order: Order, tier: str, at_ms: int, policy: Policy, *, came_to_count: bool
) -> list[Movement]:
    """The movement, if there is one, that brings an order to what it is worth now."""
    counts = order.counts(policy)
    if order.points is None:
        if not came_to_count:
            return []
        given = policy.points or {}
        pers, default = given.get("pers", {}), given.get("rate", "1")
        rate = given.get("rates", {}).get(tier, "1" if tier in pers else default)
        per = pers.get(tier, given.get("per"))
        least = Fraction(given.get("min_amount", "0"))
        order.points = OrderPoints(Fraction(rate), least, None if per is None else Fraction(per))
    kept = order.points
    worth = 0
    value = Fraction(order.value_minor, 10**policy.digits)
    if counts and value >= kept.least:
        units = value if kept.per is None else math.floor(value / kept.per)
        worth = min(math.floor(kept.rate * units), MOST_AT_ONCE)
    change = worth - kept.points
    is_expired = kept.points > 0 and kept.expires_ms is not None and kept.expires_ms <= at_ms
    if change == 0 or is_expired:
        return []
    if change > 0:
        kept.day, kept.expires_ms = _earned_now(at_ms, policy)
    kept.points = worth
    kind = "earned" if change > 0 else "taken back"
    return [Movement(kind, abs(change), at_ms, kept.day, kept.expires_ms)]


def _record(
    name: str, customer: Customer, at_ms: int, policy: Policy, why: dict[str, Any]
) -> list[dict[str, Any]]:
    assert policy.points is not None
    asked = policy.points.get("activities", {}).get(name)
    if asked is None:
        return []
    day, expires_ms = _earned_now(at_ms, policy)
    before = [on for activity, on in customer.activities if activity == name]
    # Only how often it was on the last day that gave points is known.
    that_day = before.count(day) if before and before[-1] == day else 0
    per_day, in_all = asked.get("per_day"), asked.get("in_all")
    if (per_day is not None and that_day >= per_day) or (
        in_all is not None and len(before) >= in_all
    ):
        return []
    customer.activities.append((name, day))
    movement = Movement("earned", asked["points"], at_ms, day, expires_ms)
    return [_move(customer, movement, policy, why)]


def _redeem(
    event: Event, customer: Customer, at_ms: int, policy: Policy, why: dict[str, Any]
) -> list[dict[str, Any]]:
    redemption_id, points = event.fields["redemption_id"], int(event.fields["points"])
    if redemption_id in customer.redemptions_cancelled:
        customer.redemptions_cancelled.remove(redemption_id)
        customer.redemptions.append((redemption_id, points))
        return []
    balance = standing(customer.movements).balance
    if points > balance:
        customer.sequence += 1
        return [
            {
                "type": "points.refused",
                "customer_id": customer.customer_id,
                "sequence": customer.sequence,
                "effective_at": time_text(at_ms),
                "reason": "insufficient",
                "caused_by": [event.event_id],
                "redemption_id": event.fields["redemption_id"],
                "points": points,
                "balance": balance,
                **marks(customer, at_ms, policy),
            }
        ]
    customer.redemptions.append((redemption_id, points))
    movement = Movement("redeemed", points, at_ms, redemption_id=redemption_id)
    return [_move(customer, movement, policy, why)]


def _earned_now(at_ms: int, policy: Policy) -> tuple[date, int | None]:
    assert policy.points is not None
    today = business_day(at_ms, policy.timezone)
    days = policy.points.get("expire_after_days")
    if days is None:
        return today, None
    return today, start_of_day(today + timedelta(days=days), policy.timezone)


def _move(
    customer: Customer, movement: Movement, policy: Policy, why: dict[str, Any]
) -> dict[str, Any]:
    customer.movements.append(movement)
    comes = movement.kind in ("earned", "given back")
    delta = movement.points if comes else -movement.points
    return _tell(customer, delta, movement.at_ms, policy, why)


def _tell(
    customer: Customer, delta: int, at_ms: int, policy: Policy, why: dict[str, Any]
) -> dict[str, Any]:
    customer.sequence += 1
    now = shown(customer.movements)
    return {
        "type": "points.changed",
        "customer_id": customer.customer_id,
        "sequence": customer.sequence,
        "effective_at": time_text(at_ms),
        "order_id": None,
        "activity": None,
        "redemption_id": None,
        **why,
        "reason": why["cause"],
        "delta": delta,
        "balance": now["balance"],
        "next_expiry_at": now["next_expiry_at"],
        "next_expiry_points": now["next_expiry_points"],
        **marks(customer, at_ms, policy),
    }
