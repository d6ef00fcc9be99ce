"""What redemptions took of which lots of points, so that a cancellation can give it back."""

from __future__ import annotations

from msgspec import Struct, field

from scoring.bounded import seen_ids

MAX_LOTS = 400
"""Lots with points left; and lots that redemptions took, of all redemptions together."""
MAX_REDEMPTIONS = 64


class Lot(Struct, array_like=True):
    """Points of one business day, which expire at one instant."""

    day: int
    expires_ms: int | None
    points: int

    def is_over(self, now_ms: int) -> bool:
        """Whether the points have expired."""
        return self.expires_ms is not None and self.expires_ms <= now_ms


class Spent(Struct, array_like=True):
    """What a redemption took of which lots; nothing once it was cancelled."""

    redemption: bytes
    """The digest of its id."""
    lots: list[Lot]


class Redemptions(Struct, array_like=True):
    """The redemptions accepted last, and cancellations that came before their redemption."""

    spent: list[Spent] = field(default_factory=list)
    """In order of acceptance."""
    cancelled: bytes = b""
    """Digests of redemptions that were cancelled before they came, oldest first."""

    @property
    def waiting(self) -> list[bytes]:
        """The digests of redemptions that were cancelled before they came."""
        size = seen_ids.DIGEST_BYTES
        return [self.cancelled[at : at + size] for at in range(0, len(self.cancelled), size)]

    def keep(self, redemption_id: str, lots: list[Lot]) -> None:
        """Remember what a redemption took."""
        self.spent.append(Spent(seen_ids.digest(redemption_id), lots))
        self._keep_to_limits()

    def give_back(self, key: bytes) -> list[Lot] | None:
        """The lots of a redemption, which are forgotten with that; None if it is not known."""
        for spent in self.spent:
            if spent.redemption == key:
                lots, spent.lots = spent.lots, []
                return lots
        return None

    def wait(self, key: bytes) -> bool:
        """Let a cancellation wait for its redemption; True if the oldest is given up for it."""
        waiting = self.waiting
        if key in waiting:
            return False
        self.cancelled = b"".join([*waiting, key][-MAX_REDEMPTIONS:])
        return len(waiting) == MAX_REDEMPTIONS

    def take_waiting(self, key: bytes) -> bool:
        """Whether a cancellation waited for a redemption; it does no longer."""
        waiting = self.waiting
        if key not in waiting:
            return False
        waiting.remove(key)
        self.cancelled = b"".join(waiting)
        return True

    def join(self, other: Redemptions) -> None:
        """Take over the redemptions of a customer who was merged into this one."""
        own = {each.redemption: each for each in self.spent}
        for theirs in other.spent:
            if theirs.redemption in own:
                own[theirs.redemption].lots += theirs.lots
        new = [each for each in other.spent if each.redemption not in own]
        self.spent = [*new, *self.spent]
        self._keep_to_limits()
        waiting = dict.fromkeys((*other.waiting, *self.waiting))
        self.cancelled = b"".join([*waiting][-MAX_REDEMPTIONS:])

    def _keep_to_limits(self) -> None:
        """The lots of the redemption accepted longest ago go first."""
        kept = sum(len(each.lots) for each in self.spent)
        while len(self.spent) > MAX_REDEMPTIONS or kept > MAX_LOTS:
            kept -= len(self.spent.pop(0).lots)
