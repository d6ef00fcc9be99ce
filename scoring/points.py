"""Points: how many an order or an activity gives, and the lots that hold them by age."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct, field

from scoring import seen_ids
from scoring.money import denominator_of, rate_of
from scoring.policy import Activity, PointsPolicy

MAX_LOTS = 400
MAX_REDEMPTIONS = 64
MAX_ACTIVITIES_COUNTED = 128
"""Activities counted: more than a policy may have, so that none is lost by one new policy."""
MAX_POINTS = 10**12
"""The most points that one event gives or takes."""


class Terms(NamedTuple):
    """The rate of points for each minor unit of the base currency, and the least value.

    The rate is kept as `scoring.money.Rate` says.
    """

    numerator: int
    denominator: int
    least_value: int

    def points(self, value: int) -> int:
        """Whole points, rounded down; none below the least value."""
        if value < self.least_value:
            return 0
        return min(value * self.numerator // denominator_of(self.denominator), MAX_POINTS)


class Earned(Struct, array_like=True):
    """The points of an order: the terms when it first counted, and the lot that has them."""

    terms: Terms
    points: int = 0
    day: int = 0
    expires_ms: int | None = None

    def is_gone(self, now_ms: int) -> bool:
        """Whether the points have expired, so that none can be taken back."""
        return self.points > 0 and self.expires_ms is not None and self.expires_ms <= now_ms


class Lot(Struct, array_like=True):
    """The unspent points of one business day, which expire at one instant."""

    day: int
    expires_ms: int | None
    points: int


class Counted(Struct, array_like=True):
    """How often an activity gave points: on its last business day, and in all."""

    day: int
    that_day: int
    in_all: int

    def with_those_of(self, other: Counted) -> Counted:
        """Both together."""
        day = max(self.day, other.day)
        that_day = sum(each.that_day for each in (self, other) if each.day == day)
        return Counted(day, that_day, self.in_all + other.in_all)


class Account(Struct, array_like=True):
    """A customer's points. The balance is always what was earned less what was used or expired.

    There are at most `MAX_LOTS` lots, one for each business day with points left. Beyond that the
    oldest lot is merged into the next one, and expires with it.
    """

    lots: list[Lot] = field(default_factory=list)
    """Oldest first, none of them empty."""
    owed: int = 0
    """Points to take back that were spent already; while some are owed there are no lots."""
    earned: int = 0
    redeemed: int = 0
    taken_back: int = 0
    expired: int = 0
    redemptions: bytes = b""
    """The redemptions accepted last (`scoring.seen_ids`)."""
    activities: dict[bytes, Counted] = field(default_factory=dict)
    """By digest of the name, least recently counted first; the first goes beyond the bound."""
    unreported: int = 0
    """Points from a merge under a policy without points: in the balance, but in no output yet."""

    @property
    def balance(self) -> int:
        """Points to spend; negative if points were taken back that had been spent."""
        return self.earned - self.redeemed - self.taken_back - self.expired

    def earn(self, points: int, day: int, expires_ms: int | None) -> None:
        """Add points: first against what is owed, the rest to the lot of the day."""
        self.earned += points
        filled = min(self.owed, points)
        self.owed -= filled
        points -= filled
        if not points:
            return
        self._put(Lot(day, expires_ms, points))

    def join(self, other: Account) -> None:
        """Take over the points of a customer who was merged into this one.

        What one of them owes is paid from the points of the other, oldest first.
        """
        for lot in other.lots:
            self._put(Lot(lot.day, lot.expires_ms, lot.points))
        self.owed = self._spend(self.owed + other.owed)
        self.earned += other.earned
        self.redeemed += other.redeemed
        self.taken_back += other.taken_back
        self.expired += other.expired
        self.redemptions = seen_ids.joined(self.redemptions, other.redemptions, MAX_REDEMPTIONS)
        for name, theirs in other.activities.items():
            own = self.activities.pop(name, None)
            self.activities[name] = theirs if own is None else own.with_those_of(theirs)
        while len(self.activities) > MAX_ACTIVITIES_COUNTED:
            del self.activities[next(iter(self.activities))]

    def take_back(self, points: int, day: int, expires_ms: int | None) -> None:
        """Take points from their own lot, then from the oldest; what is missing is owed."""
        self.taken_back += points
        for lot in self.lots:
            if lot.day == day and lot.expires_ms == expires_ms:
                taken = min(lot.points, points)
                lot.points -= taken
                points -= taken
                break
        self.owed += self._spend(points)

    def redeem(self, redemption_id: str, points: int) -> bool:
        """Spend points oldest first; False, and nothing is changed, if there are too few."""
        if points > self.balance:
            return False
        self.redeemed += points
        self.redemptions = seen_ids.remember(
            self.redemptions, redemption_id, points, MAX_REDEMPTIONS
        )
        self._spend(points)
        return True

    def is_duplicate(self, redemption_id: str, points: int) -> bool | None:
        """Whether a redemption was accepted: True with as many points, False with others.

        None if its id is new.
        """
        return seen_ids.is_duplicate(self.redemptions, redemption_id, points)

    def expire(self, now_ms: int) -> int:
        """Drop the points that expire up to an instant; returns how many."""
        gone = sum(lot.points for lot in self.lots if _is_over(lot, now_ms))
        if gone:
            self.lots = [lot for lot in self.lots if not _is_over(lot, now_ms)]
            self.expired += gone
        return gone

    def next_expiry(self) -> tuple[int, int] | None:
        """The next instant at which points expire, and how many; None if none ever do."""
        expiring = [(lot.expires_ms, lot.points) for lot in self.lots if lot.expires_ms is not None]
        if not expiring:
            return None
        first_ms = min(expires_ms for expires_ms, _ in expiring)
        return first_ms, sum(points for expires_ms, points in expiring if expires_ms == first_ms)

    def count(self, name: str, activity: Activity, day: int) -> bool:
        """Count an activity; False, and nothing is changed, if it reached one of its limits."""
        key = seen_ids.digest(name)
        counted = self.activities.get(key) or Counted(day, 0, 0)
        that_day = counted.that_day if counted.day == day else 0
        if activity.per_day is not None and that_day >= activity.per_day:
            return False
        if activity.in_all is not None and counted.in_all >= activity.in_all:
            return False
        self.activities.pop(key, None)
        self.activities[key] = Counted(day, that_day + 1, counted.in_all + 1)
        if len(self.activities) > MAX_ACTIVITIES_COUNTED:
            del self.activities[next(iter(self.activities))]
        return True

    def _put(self, added: Lot) -> None:
        """Add to the lot of the same day and expiry, or insert a new lot by age."""
        for lot in self.lots:
            if (lot.day, lot.expires_ms) == (added.day, added.expires_ms):
                lot.points += added.points
                return
        self.lots.insert(bisect_right(self.lots, added.day, key=attrgetter("day")), added)
        if len(self.lots) > MAX_LOTS:
            oldest = self.lots.pop(0)
            self.lots[0].points += oldest.points

    def _spend(self, points: int) -> int:
        """Take points oldest first, and drop empty lots; returns how many were missing."""
        for lot in self.lots:
            taken = min(lot.points, points)
            lot.points -= taken
            points -= taken
        self.lots = [lot for lot in self.lots if lot.points]
        return points


class PointsRule:
    """The section `[points]` of a policy, compiled."""

    def __init__(self, declared: PointsPolicy, digits: int) -> None:
        scale = 10**digits
        self._declared = declared
        least_value = int(Fraction(declared.min_amount) * scale)
        self._default = _terms(declared.rate, digits, least_value)
        self._by_tier = {
            tier: _terms(rate, digits, least_value) for tier, rate in declared.rates.items()
        }
        self.expire_after_days = declared.expire_after_days
        self.activities = declared.activities

    def rate_text(self, tier: str) -> str:
        """Points for each major unit, as the policy says it."""
        return self._declared.rates.get(tier, self._declared.rate)

    def terms(self, tier: str) -> Terms:
        """The terms for an order of a customer in a tier."""
        return self._by_tier.get(tier, self._default)


def _terms(rate: str, digits: int, least_value: int) -> Terms:
    each = rate_of(rate, digits)
    return Terms(each.numerator, each.denominator, least_value)


def _is_over(lot: Lot, now_ms: int) -> bool:
    return lot.expires_ms is not None and lot.expires_ms <= now_ms
