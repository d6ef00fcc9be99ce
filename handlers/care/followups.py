"""Reminders of follow-ups: each at the start of its business day, once."""

from __future__ import annotations

from collections.abc import Iterator

from handlers import outputs
from handlers.care.reminders import emit_reminder, reminder_head
from handlers.context import Context
from handlers.outputs import FollowupDue, FollowupView
from handlers.state.customer import Customer
from handlers.state.followup import Followup
from scoring.calendar import date_of_day
from scoring.rules import Rules


def remind_of_followups(context: Context, customer: Customer, now_ms: int) -> None:
    """Send the reminders of all follow-ups whose day has begun, each at its own instant."""
    due = sorted(
        (due_ms, each.followup_id, each)
        for due_ms, each in followups_to_come(context.rules, customer)
        if due_ms <= now_ms
    )
    for due_ms, followup_id, followup in due:
        assert followup.day is not None
        followup.reminded_day = followup.day
        head = reminder_head(context, customer, outputs.FOLLOWUP_DUE, followup.day, None, due_ms)
        data = FollowupDue(**head, followup_id=followup_id, by=followup.by, note=followup.note)
        key = f"{data.due_on}:{followup.told_ms}:{followup_id}"
        emit_reminder(context, customer, outputs.FOLLOWUP_DUE, data, key, due_ms)


def followups_due_ms(rules: Rules, customer: Customer) -> int | None:
    """When the next follow-up is due; None if none is to come."""
    return min(followups_dues(rules, customer), default=None)


def followups_dues(rules: Rules, customer: Customer) -> Iterator[int]:
    """When each follow-up to come is due."""
    return (due_ms for due_ms, _ in followups_to_come(rules, customer))


def followups_view(customer: Customer) -> list[FollowupView]:
    """The follow-ups to come, by date."""
    return [
        FollowupView(each.followup_id, date_of_day(each.day).isoformat(), each.by, each.note)
        for each in sorted(customer.followups, key=lambda each: (each.day or 0, each.followup_id))
        if each.is_open and each.day is not None
    ]


def followups_to_come(rules: Rules, customer: Customer) -> Iterator[tuple[int, Followup]]:
    """The follow-ups to come, each with the instant at which it is due.

    One for a day that had passed when it was told is due from the day on which it was told.
    """
    calendar = rules.calendar
    for each in customer.followups:
        if each.is_open and each.day is not None:
            yield calendar.start(max(each.day, calendar.day(each.told_ms))), each
