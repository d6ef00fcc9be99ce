"""What all records on `care-reminders` have in common, and how one goes out."""

from __future__ import annotations

from handlers import outputs
from handlers.causes import TIME
from handlers.context import Context
from handlers.outputs import ReminderHead
from handlers.state.customer import Customer
from scoring.calendar import date_of_day


def reminder_head(
    context: Context,
    customer: Customer,
    type_name: str,
    day: int,
    action: str | None,
    now_ms: int,
) -> ReminderHead:
    """The common fields of the customer's next output, a reminder of a business day."""
    return ReminderHead(
        **context.head(customer, now_ms, TIME, type_name),
        due_on=date_of_day(day).isoformat(),
        tier=customer.tier,
        action=action,
    )


def emit_reminder(
    context: Context,
    customer: Customer,
    type_name: str,
    data: outputs.Reminder,
    key: str,
    now_ms: int,
) -> None:
    """Send a reminder, and count it; `key` is the cause in its id."""
    context.count(context.tally.reminders, (type_name, data.suppressed or ""))
    context.emit(outputs.CARE_REMINDERS, type_name, customer, key, now_ms, data)
