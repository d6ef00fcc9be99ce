"""What a report is made of, and how it names things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from cli.report.period import Period
from cli.report.read import Figures, Json
from cli.report.tickets import Complaints
from cli.report.topics import Happened
from scoring.policy import Policy
from scoring.rules import PROSPECT
from words import Words
from words.naming import Naming


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a report is made of.

    Attributes:
        period: that is reported.
        figures: from the API.
        happened: from the topics.
        profiles: of the customers who are named, by id.
        policy: whose names of tiers, order of tiers, currency and time zone are meant.
        timezone: whose days the falls are told by.
        made_ms: when it was made, in milliseconds since 1970.
        with_names: whether customers are named by the attribute `name`, too.
    """

    period: Period
    figures: Figures
    happened: Happened
    profiles: Mapping[str, Json]
    policy: Policy
    timezone: str
    made_ms: int
    with_names: bool


class Teller:
    """Names what a report tells, in its language.

    Attributes:
        facts: what it is made of.
        figures: those of the API.
        words: of the language.
    """

    def __init__(self, facts: Facts, words: Words) -> None:
        self.facts = facts
        self.figures = facts.figures
        self.words = words
        self._naming = Naming(words, facts.policy)
        self._order = [PROSPECT, *(tier.name for tier in reversed(facts.policy.tiers))]

    def tier(self, name: str) -> str:
        """What people call a tier."""
        return self._naming.tier(name)

    def days(self, period: Period) -> str:
        """The first and the last day of a period."""
        first, last = self.words.date(period.first), self.words.date(period.last)
        return self.words.say("{first} to {last}", first=first, last=last)

    def knows(self, topic: str, period: Period) -> bool:
        """Whether a topic still has everything of a period."""
        return self.facts.happened.knows(topic, period)

    def has_moves(self, moves: Json, period: Period) -> bool:
        """Whether anything is known of the moves of a period; the first days may be missing."""
        complete = moves["complete_from"]
        return complete is not None and date.fromisoformat(complete) <= period.last

    def has_all_moves(self, moves: Json, period: Period) -> bool:
        """Whether the moves of all its days are known."""
        complete = moves["complete_from"]
        return complete is not None and date.fromisoformat(complete) <= period.first

    def complaints(self, period: Period) -> Complaints | None:
        """None where the topic has lost a part of it."""
        known = self.knows("support", period)
        return self.facts.happened.tickets.complaints(period) if known else None

    def sorted(self, names: set[str]) -> list[str]:
        """The highest tier first; those that the policy does not have at the end."""
        place = {name: -number for number, name in enumerate(self._order)}
        return sorted(names, key=lambda name: (place.get(name, 1), name))

    def direction(self, left: str, reached: str) -> str:
        """Empty for a tier that the policy does not have."""
        if left not in self._order or reached not in self._order:
            return ""
        return "up" if self._order.index(reached) > self._order.index(left) else "down"


def number(row: Mapping[str, Any] | None, name: str) -> int | Decimal | None:
    """A number of a row of figures, where amounts are texts; None without a row."""
    if row is None:
        return None
    found = row[name]
    return Decimal(found) if isinstance(found, str) else int(found)


def less(now: int | Decimal | None, before: int | Decimal | None) -> int | Decimal | None:
    """The difference; None if one of both is not known."""
    return None if now is None or before is None else now - before
