"""Complaints opened, resolved and overdue, from the records of `support` and `care-reminders`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from cli.report.period import Period
from cli.report.read import NoFigures
from handlers.events import Event, TicketChanged, TicketOpened
from handlers.outputs import PROFILE_REFRESH_DUE, TICKET_OVERDUE
from scoring.timestamps import parse_rfc3339

TICKETS_MAX = 2_000_000
"""Tickets that are told apart, so that memory has a bound."""
LOOKS_BACK_DAYS = 90
"""A complaint opened longer than this before both periods is not known to be one."""

_COMPLAINT = "complaint"
_STEPS_MAX = 32


@dataclass(slots=True)
class _Ticket:
    is_complaint: bool | None = None
    opened_ms: int | None = None
    steps: list[tuple[int, bool]] = field(default_factory=list)
    """When it was opened, reopened (true) or resolved (false)."""


@dataclass(frozen=True, slots=True)
class Complaints:
    """How many complaints had which fate in a period.

    Attributes:
        opened: opened for the first time.
        resolved: resolved at least once.
        overdue: whose answer or resolution became overdue.
        open_at_end: open at its end.
        unknown: tickets that were resolved or became overdue, and whose opening was not seen.
    """

    opened: int
    resolved: int
    overdue: int
    open_at_end: int
    unknown: int


class _Reminded(msgspec.Struct):
    customer_id: str
    effective_at: str
    ticket_id: str | None = None
    due_at: str | None = None


class _Reminder(msgspec.Struct):
    type: str
    data: _Reminded


_decode = msgspec.json.Decoder(_Reminder).decode


class Tickets:
    """Takes records in any order, and counts what is known of each ticket.

    Args:
        periods: that are reported.
    """

    def __init__(self, periods: Sequence[Period]) -> None:
        self._periods = periods
        self._tickets: dict[tuple[str, str], _Ticket] = {}
        self._overdue: dict[Period, set[tuple[str, str]]] = {period: set() for period in periods}
        self._stale: dict[Period, set[str]] = {period: set() for period in periods}

    def take_event(self, event: Event) -> None:
        """Take an event of `support`.

        Raises:
            NoFigures: there are too many tickets.
        """
        if isinstance(event, TicketOpened):
            ticket = self._ticket(event.customer_id, event.ticket_id)
            if ticket.opened_ms is None or event.occurred_ms < ticket.opened_ms:
                ticket.is_complaint = event.kind == _COMPLAINT
                ticket.opened_ms = event.occurred_ms
            _step(ticket, event.occurred_ms, is_open=True)
        elif isinstance(event, TicketChanged):
            ticket = self._ticket(event.customer_id, event.ticket_id)
            _step(ticket, event.occurred_ms, is_open=event.type == "ticket.reopened")

    def take_reminder(self, value: bytes | None) -> None:
        """Take a record of `care-reminders`; others than those that are counted are passed over."""
        try:
            record = _decode(value or b"")
        except msgspec.MsgspecError:
            return
        found = record.data
        at_ms = parse_rfc3339(found.due_at or found.effective_at)
        for period in self._periods:
            if at_ms is None or not period.has(at_ms):
                continue
            if record.type == TICKET_OVERDUE and found.ticket_id is not None:
                self._overdue[period].add((found.customer_id, found.ticket_id))
            elif record.type == PROFILE_REFRESH_DUE:
                self._stale[period].add(found.customer_id)

    def complaints(self, period: Period) -> Complaints:
        """The complaints of one of the periods."""
        opened = resolved = at_end = unknown = 0
        for ticket in self._tickets.values():
            was_resolved = any(period.has(at_ms) for at_ms, is_open in ticket.steps if not is_open)
            if ticket.is_complaint is None:
                unknown += was_resolved
            elif ticket.is_complaint:
                opened += ticket.opened_ms is not None and period.has(ticket.opened_ms)
                resolved += was_resolved
                at_end += _is_open(ticket, period.until_ms)
        overdue = [self._tickets.get(key, _Ticket()) for key in self._overdue[period]]
        unknown += sum(ticket.is_complaint is None for ticket in overdue)
        late = sum(ticket.is_complaint is True for ticket in overdue)
        return Complaints(opened, resolved, late, at_end, unknown)

    def stale_profiles(self, period: Period) -> int:
        """Customers whose profile turned out to be too old in one of the periods."""
        return len(self._stale[period])

    def _ticket(self, customer_id: str, ticket_id: str) -> _Ticket:
        key = customer_id, ticket_id
        if key not in self._tickets and len(self._tickets) >= TICKETS_MAX:
            raise NoFigures(f"the topic support has more than {TICKETS_MAX:,} tickets to count")
        return self._tickets.setdefault(key, _Ticket())


def _step(ticket: _Ticket, at_ms: int, *, is_open: bool) -> None:
    step = (at_ms, is_open)
    if step not in ticket.steps:
        ticket.steps = sorted([*ticket.steps, step])[-_STEPS_MAX:]


def _is_open(ticket: _Ticket, until_ms: int) -> bool:
    steps = [is_open for at_ms, is_open in ticket.steps if at_ms < until_ms]
    return bool(steps) and steps[-1]
