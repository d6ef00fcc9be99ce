"""What tickets are promised: a response and a resolution within so many hours that count."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.oracle.care import reminder
from tests.oracle.customer import Customer, Ticket
from tests.oracle.identity import Event
from tests.oracle.policy import Policy
from tests.oracle.times import HOUR_MS, business_day, local_time, time_text

_QUARTER_MS = HOUR_MS // 4
_RESPONSE, _RESOLUTION = "response", "resolution"


@dataclass
class Stage:
    """One that began: when, in which tier, whether it has ended, and up to when it was told."""

    begun_ms: int
    tier: str
    has_ended: bool = False
    told_ms: int = -1


@dataclass
class Promise:
    """The stages of a ticket by name, and what decides on its terms beside its kind."""

    stages: dict[str, Stage] = field(default_factory=dict)
    severity: int | None = None
    severity_at_ms: int | None = None
    is_opened: bool = False  # since the policy that asks for it


@dataclass(frozen=True)
class Instant:
    """One at which a stage is overdue; `step` is None where it comes to be due."""

    at_ms: int
    due_ms: int
    step: str | None


def hear(event: Event, ticket: Ticket, customer: Customer, policy: Policy) -> None:
    """What an event does to the stages of a ticket that is still as before it."""
    if not _tables(policy):
        return
    promise = ticket.promise = ticket.promise or Promise()
    is_newest = ticket.state_at_ms is None or event.at_ms >= ticket.state_at_ms
    if event.type == "ticket.opened":
        _tell_severity(promise, event)
        stage = promise.stages.get(_RESPONSE)
        if not promise.is_opened:
            promise.is_opened = True
            promise.stages[_RESPONSE] = Stage(event.at_ms, customer.tier)
        elif stage is not None and event.at_ms < stage.begun_ms:  # the first is told late
            stage.begun_ms, stage.tier = event.at_ms, customer.tier
    if is_newest and event.type == "ticket.resolved":
        promise.stages.pop(_RESOLUTION, None)
    elif is_newest and (event.type == "ticket.reopened" or _RESOLUTION not in promise.stages):
        known = promise.stages.get(_RESOLUTION)
        begun = promise.stages[_RESOLUTION] = Stage(event.at_ms, customer.tier)
        if known is not None and known.begun_ms == begun.begun_ms:
            begun.told_ms = known.told_ms  # the same instants are not told twice
    if event.type == "ticket.resolved":
        hear_answer(event, customer, policy)
    _end_response(event.fields["ticket_id"], promise, customer)


def hear_answer(event: Event, customer: Customer, policy: Policy) -> None:
    """An answer counts for what was opened at its time or before, whichever is told first."""
    if not _tables(policy):
        return
    ticket_id = event.fields["ticket_id"]
    known_ms = customer.answered_ms.get(ticket_id, event.at_ms)
    customer.answered_ms[ticket_id] = max(known_ms, event.at_ms)
    ticket = customer.tickets.get(ticket_id)
    if ticket is not None and ticket.promise is not None:
        _end_response(ticket_id, ticket.promise, customer)


def _end_response(ticket_id: str, promise: Promise, customer: Customer) -> None:
    stage, answered_ms = promise.stages.get(_RESPONSE), customer.answered_ms.get(ticket_id)
    if stage is not None and answered_ms is not None and answered_ms >= stage.begun_ms:
        stage.has_ended = True


def _tell_severity(promise: Promise, event: Event) -> None:
    told, known_ms = event.fields.get("severity"), promise.severity_at_ms
    if told is not None and (known_ms is None or event.at_ms >= known_ms):
        promise.severity, promise.severity_at_ms = int(told), event.at_ms


def forget_by_policy(customer: Customer, policy: Policy) -> None:
    """Under a policy that promises nothing all stages are forgotten."""
    if not _tables(policy):
        customer.answered_ms = {}
        for ticket in customer.tickets.values():
            ticket.promise = None


def join(kept: Ticket, dropped: Ticket) -> None:
    """The stages are those of the ticket that is kept; of the severities the newest holds."""
    own, other = kept.promise, dropped.promise
    if own is None or other is None or other.severity_at_ms is None:
        return
    if own.severity_at_ms is None or own.severity_at_ms < other.severity_at_ms:
        own.severity, own.severity_at_ms = other.severity, other.severity_at_ms


def join_answers(customer: Customer, other: Customer) -> None:
    """The latest of both counts."""
    for ticket_id, at_ms in other.answered_ms.items():
        customer.answered_ms[ticket_id] = max(at_ms, customer.answered_ms.get(ticket_id, at_ms))
    for ticket_id, ticket in customer.tickets.items():
        if ticket.promise is not None:
            _end_response(ticket_id, ticket.promise, customer)


def next_ms(customer: Customer, policy: Policy) -> int | None:
    """The next instant at which something is overdue."""
    instants = [each.at_ms for *_, ahead in _ahead(customer, policy) for each in ahead]
    return min(instants, default=None)


def remind(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    """What is overdue at an instant: of those that are past only the latest of each stage."""
    told = []
    for ticket_id, name, stage, ahead in _ahead(customer, policy):
        past = [each for each in ahead if each.at_ms <= at_ms]
        if past:
            latest = past[-1]
            stage.told_ms = latest.at_ms
            more = {
                "ticket_id": ticket_id,
                "stage": name,
                "step": latest.step,
                "due_at": time_text(latest.due_ms),
            }
            due_on = business_day(latest.due_ms, policy.timezone)
            overdue = reminder(customer, "ticket.overdue", due_on, {}, latest.at_ms, policy)
            told.append(overdue | more)
    return told


def shown(customer: Customer, as_of_ms: int, policy: Policy) -> list[dict[str, Any]] | None:
    """The stages that run and have terms; None under a policy that promises nothing."""
    if not _tables(policy):
        return None
    found = []
    for ticket_id, name, stage, instants in _running(customer, policy):
        if not instants:
            continue
        told = [each for each in instants if each.at_ms <= stage.told_ms]
        coming = next((each for each in instants if each.at_ms > stage.told_ms), None)
        due_ms = instants[0].due_ms
        found.append(
            {
                "ticket_id": ticket_id,
                "stage": name,
                "due_at": time_text(due_ms),
                "overdue": due_ms <= as_of_ms,
                "step": told[-1].step if told else None,
                "next_at": time_text(coming.at_ms if coming else None),
                "next_step": coming.step if coming else None,
            }
        )
    return found


def _ahead(customer: Customer, policy: Policy) -> Iterator[tuple[str, str, Stage, list[Instant]]]:
    """Each stage that runs, by ticket and name, with its instants that were not told."""
    for ticket_id, name, stage, instants in _running(customer, policy):
        yield ticket_id, name, stage, [each for each in instants if each.at_ms > stage.told_ms]


def _running(customer: Customer, policy: Policy) -> Iterator[tuple[str, str, Stage, list[Instant]]]:
    """Each stage that runs, by ticket and name, with all its instants."""
    for ticket_id, ticket in sorted(customer.tickets.items()):
        promise = ticket.promise
        if promise is None:
            continue
        for name in (_RESPONSE, _RESOLUTION):
            stage = promise.stages.get(name)
            if stage is not None and not stage.has_ended:
                yield ticket_id, name, stage, _instants(ticket, promise, name, stage, policy)


def _instants(
    ticket: Ticket, promise: Promise, name: str, stage: Stage, policy: Policy
) -> list[Instant]:
    terms = next((t for t in _tables(policy) if _fits(t, ticket, promise, stage)), None)
    hours = None if terms is None else terms.get(f"{name}_hours")
    if terms is None or hours is None:
        return []
    due_ms = _after(stage.begun_ms, hours, policy)
    steps = [
        Instant(_after(due_ms, step["after_hours"], policy), due_ms, step["to"])
        for step in terms.get("escalate", [])
    ]
    return [Instant(due_ms, due_ms, None), *steps]


def _fits(terms: dict[str, Any], ticket: Ticket, promise: Promise, stage: Stage) -> bool:
    return (
        terms.get("kind") in (None, ticket.kind)
        and ("severity" not in terms or promise.severity in terms["severity"])
        and ("tiers" not in terms or stage.tier in terms["tiers"])
    )


def _after(at_ms: int, hours: int, policy: Policy) -> int:
    """The instant by which so many hours that count have passed."""
    given = policy.sections.get("care", {}).get("hours")
    if given is None:
        return at_ms + hours * HOUR_MS
    weekdays = tuple(given.get("weekdays", (1, 2, 3, 4, 5)))
    clock = (given.get("from", "00:00"), given.get("to", "24:00"))
    closed = tuple(given.get("closed", ()))
    return _after_hours(at_ms, hours, weekdays, clock, closed, policy.timezone)


@cache
def _after_hours(
    at_ms: int,
    hours: int,
    weekdays: tuple[int, ...],
    clock: tuple[str, str],
    closed: tuple[str, ...],
    zone: str,
) -> int:
    """By quarters of an hour: no clock changes, and no hours begin or end, within one."""
    left_ms = hours * HOUR_MS
    while True:
        quarter_ms = at_ms - at_ms % _QUARTER_MS
        day = business_day(quarter_ms, zone)
        opens = day.isoweekday() in weekdays and day.isoformat() not in closed
        if opens and clock[0] <= f"{local_time(quarter_ms, zone):%H:%M}" < clock[1]:
            until_ms = min(quarter_ms + _QUARTER_MS, at_ms + left_ms)
            left_ms -= until_ms - at_ms
            if left_ms == 0:
                return until_ms
        at_ms = quarter_ms + _QUARTER_MS


def _tables(policy: Policy) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = policy.sections.get("care", {}).get("tickets", [])
    return found
