"""How often a customer may be contacted: messages by business day, and caps on them."""

from __future__ import annotations

from collections.abc import Iterable

from scoring.calendar import BusinessCalendar
from scoring.care.quiet_hours import QuietHours, minute_of
from scoring.policy import ContactPolicy

Messages = list[tuple[int, int]]
"""Business days on which messages went out, rising, each with their number."""


class ContactRule:
    """The section `[contact]` of a policy, compiled.

    Attributes:
        quiet: the quiet hours; None without.
        caps: each the most messages in so many business days.
        longest: the business days of the longest cap; 0 without caps.
    """

    def __init__(self, declared: ContactPolicy, calendar: BusinessCalendar) -> None:
        self.quiet = None
        if declared.quiet is not None:
            minutes = minute_of(declared.quiet.from_), minute_of(declared.quiet.to)
            assert minutes[0] is not None
            assert minutes[1] is not None
            self.quiet = QuietHours(calendar, minutes[0], minutes[1])
        self.caps = tuple((cap.messages, cap.days) for cap in declared.caps)
        self.longest = max((days for _, days in self.caps), default=0)
        self._places = {name: place for place, name in enumerate(declared.priority)}
        self._exempt = frozenset(declared.exempt)

    def place(self, type_name: str, form: str) -> int:
        """The place of an output in `priority`, 0 the first; behind all others if not named."""
        place = self._places.get(f"{type_name}:{form}")
        return self._places.get(type_name, len(self._places)) if place is None else place

    def is_exempt(self, type_name: str, form: str) -> bool:
        """Whether an output is never capped."""
        return type_name in self._exempt or f"{type_name}:{form}" in self._exempt

    def allows(self, messages: Messages, day: int) -> bool:
        """Whether one more message on a business day exceeds no cap.

        After a merge there may be messages on later days: they count in the windows that hold both.
        """
        for most, days in self.caps:
            ends = {day, *(later for later, _ in messages if day < later < day + days)}
            for end in ends:
                if sum(number for on, number in messages if end - days < on <= end) >= most:
                    return False
        return True

    def count(self, messages: Messages, day: int) -> Messages:
        """The messages with one more on a business day, as far as they may still matter."""
        return self.kept(joined(messages, [(day, 1)]))

    def kept(self, messages: Messages) -> Messages:
        """The messages of the longest cap's days up to the newest."""
        if not messages:
            return messages
        after = messages[-1][0] - self.longest
        return [each for each in messages if each[0] > after]


def joined(messages: Messages, others: Iterable[tuple[int, int]]) -> Messages:
    """The messages of both, by business day."""
    found = dict(messages)
    for day, number in others:
        found[day] = found.get(day, 0) + number
    return sorted(found.items())
