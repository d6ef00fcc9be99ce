"""Service levels: when a stage of a ticket is overdue."""

from __future__ import annotations

from typing import NamedTuple

from scoring.calendar import BusinessCalendar
from scoring.care.service_hours import HOUR_MS, HoursRule
from scoring.policy import CarePolicy, TicketTerms

RESPONSE, RESOLUTION = "response", "resolution"
STAGES = (RESPONSE, RESOLUTION)


class Overdue(NamedTuple):
    """An instant at which a stage of a ticket is overdue.

    `step` is whom to tell then; None at the instant at which the stage is due.
    """

    at_ms: int
    step: str | None


class TicketsRule:
    """The sections `[[care.tickets]]` and `[care.hours]` of a policy, compiled."""

    def __init__(self, declared: CarePolicy, calendar: BusinessCalendar) -> None:
        self.terms = declared.tickets
        self._hours = None if declared.hours is None else HoursRule(declared.hours, calendar)

    def terms_for(self, kind: str | None, severity: int | None, tier: str) -> TicketTerms | None:
        """The first terms that fit a ticket; None if none do."""
        for terms in self.terms:
            if (
                (terms.kind is None or terms.kind == kind)
                and (terms.severity is None or severity in terms.severity)
                and (terms.tiers is None or tier in terms.tiers)
            ):
                return terms
        return None

    def overdues(self, terms: TicketTerms | None, stage: str, began_ms: int) -> list[Overdue]:
        """The instants of a stage, in order: when it is due, then those of its steps."""
        if terms is None:
            return []
        hours = terms.response_hours if stage == RESPONSE else terms.resolution_hours
        if hours is None:
            return []
        due_ms = self.after(began_ms, hours)
        steps = [Overdue(self.after(due_ms, each.after_hours), each.to) for each in terms.escalate]
        return [Overdue(due_ms, None), *steps]

    def after(self, begun_ms: int, hours: int) -> int:
        """The instant so many hours that count after another."""
        if self._hours is None:
            return begun_ms + hours * HOUR_MS
        return self._hours.after(begun_ms, hours)


def tickets_rule(declared: CarePolicy, calendar: BusinessCalendar) -> TicketsRule | None:
    """What tickets are promised; None if nothing is."""
    return TicketsRule(declared, calendar) if declared.tickets else None
