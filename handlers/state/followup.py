"""Follow-ups: contacts agreed with a customer, each as its newest event left it."""

from __future__ import annotations

from msgspec import Struct

MAX_FOLLOWUPS = 16


class Followup(Struct, array_like=True):
    """A follow-up, by the newest of its events."""

    followup_id: str
    day: int | None
    """The day number of its date; None once it was ended."""
    told_ms: int
    """When its newest event happened."""
    by: str | None = None
    note: str | None = None
    reminded_day: int | None = None
    """The day that was reminded of last."""

    @property
    def is_open(self) -> bool:
        """Whether a reminder of it is to come."""
        return self.day is not None and self.day != self.reminded_day


def take(kept: list[Followup], told: Followup) -> None:
    """Keep the newer of a follow-up's events, of equal times the one told now.

    Beyond `MAX_FOLLOWUPS` one goes that no reminder is to come of, else the one told first.
    """
    own = next((each for each in kept if each.followup_id == told.followup_id), None)
    if own is not None:
        if told.told_ms < own.told_ms:
            return
        kept.remove(own)
        told.reminded_day = own.reminded_day
    kept.append(told)
    if len(kept) > MAX_FOLLOWUPS:
        kept.remove(next((each for each in kept if not each.is_open), kept[0]))


def joined(kept: list[Followup], others: list[Followup]) -> list[Followup]:
    """Each follow-up of two customers by its newest event, of equal times as `kept` has it."""
    found = {each.followup_id: each for each in others}
    for own in kept:
        their = found.get(own.followup_id)
        newer = own if their is None or own.told_ms >= their.told_ms else their
        if their is not None:
            reminded = (own.reminded_day, their.reminded_day)
            newer.reminded_day = newer.day if newer.day in reminded else newer.reminded_day
        found[own.followup_id] = newer
    by_time = sorted(found.values(), key=lambda each: (each.is_open, each.told_ms))
    return sorted(by_time[-MAX_FOLLOWUPS:], key=lambda each: each.told_ms)
