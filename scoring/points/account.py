"""A customer's account of points: the lots that hold them by age, and what was redeemed."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import Annotated

from msgspec import Struct, field

from scoring.bounded import seen_ids
from scoring.points.redemptions import MAX_LOTS, MAX_REDEMPTIONS, Lot, Redemptions
from scoring.policy import Activity
from scoring.since import since

MAX_WARNED = 200
"""Expiries to come that were reminded of: more than there are days to remind ahead."""
MAX_ACTIVITIES_COUNTED = 128
"""Activities counted: more than a policy may have, so that none is lost by one new policy."""


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
    """The redemptions accepted last (`scoring.bounded.seen_ids`)."""
    activities: dict[bytes, Counted] = field(default_factory=dict)
    """By digest of the name, least recently counted first; the first goes beyond the bound."""
    unreported: int = 0
    """Points from a merge under a policy without points: in the balance, but in no output yet."""
    spent: Annotated[Redemptions, since(3)] = field(default_factory=Redemptions)
    warned: Annotated[list[int], since(3)] = field(default_factory=list)
    """Expiries to come that the customer was reminded of, in epoch milliseconds."""

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
        self.spent.join(other.spent)
        self.warned = sorted({*self.warned, *other.warned})[:MAX_WARNED]
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

    def deduct(self, points: int) -> None:
        """Take points by hand, the oldest first; what is missing is owed."""
        self.taken_back += points
        self.owed += self._spend(points)

    def redeem(self, redemption_id: str, points: int, *, keeps_lots: bool = True) -> bool:
        """Spend points oldest first; False, and nothing is changed, if there are too few.

        `keeps_lots`: remember which lots they came from, so that it can be cancelled.
        """
        if points > self.balance:
            return False
        self.redeemed += points
        self._remember(redemption_id, points)
        taken = self._take_oldest(points)
        if keeps_lots:
            self.spent.keep(redemption_id, taken)
        return True

    def was_cancelled(self, redemption_id: str, points: int) -> bool:
        """Whether a redemption was cancelled before it came; then it is accepted without effect."""
        if not self.spent.take_waiting(seen_ids.digest(redemption_id)):
            return False
        self.spent.keep(redemption_id, [])
        self._remember(redemption_id, points)
        return True

    def cancel(self, redemption_id: str, now_ms: int) -> int:
        """Give back what a redemption spent, or wait for it.

        Points come back with their expiry: those that are over by now are expired at once.

        Returns:
            how many cancellations (0 or 1) can have no effect any more: this one, if the lots of
            its redemption are forgotten, or the oldest that waited.
        """
        key = seen_ids.digest(redemption_id)
        lots = self.spent.give_back(key)
        if lots is not None:
            self._give_back(lots, now_ms)
            return 0
        if key in seen_ids.amounts(self.redemptions):
            return 1
        return int(self.spent.wait(key))

    def settle_cancelled(self, now_ms: int) -> None:
        """Cancel what waits for a redemption that a merge brought."""
        known = seen_ids.amounts(self.redemptions)
        for key in self.spent.waiting:
            self._give_back(self.spent.give_back(key) or [], now_ms)
            if key in known:
                self.spent.take_waiting(key)

    def is_duplicate(self, redemption_id: str, points: int) -> bool | None:
        """Whether a redemption was accepted: True with as many points, False with others.

        None if its id is new.
        """
        return seen_ids.is_duplicate(self.redemptions, redemption_id, points)

    def expire(self, now_ms: int) -> int:
        """Drop the points that expire up to an instant; returns how many."""
        gone = sum(lot.points for lot in self.lots if lot.is_over(now_ms))
        if gone:
            self.lots = [lot for lot in self.lots if not lot.is_over(now_ms)]
            self.expired += gone
        if self.warned:
            self.warned = [expires_ms for expires_ms in self.warned if expires_ms > now_ms]
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
        return points - sum(lot.points for lot in self._take_oldest(points))

    def _take_oldest(self, points: int) -> list[Lot]:
        """Take up to so many points oldest first, and drop empty lots; returns what was taken."""
        found = []
        for lot in self.lots:
            taken = min(lot.points, points)
            if taken:
                found.append(Lot(lot.day, lot.expires_ms, taken))
                lot.points -= taken
                points -= taken
        self.lots = [lot for lot in self.lots if lot.points]
        return found

    def _give_back(self, lots: list[Lot], now_ms: int) -> None:
        """Undo a redemption: first against what is owed, the rest to lots as they were."""
        for lot in lots:
            self.redeemed -= lot.points
            if lot.is_over(now_ms):
                self.expired += lot.points
                continue
            filled = min(self.owed, lot.points)
            self.owed -= filled
            if lot.points > filled:
                self._put(Lot(lot.day, lot.expires_ms, lot.points - filled))

    def _remember(self, redemption_id: str, points: int) -> None:
        self.redemptions = seen_ids.remember(
            self.redemptions, redemption_id, points, MAX_REDEMPTIONS
        )
