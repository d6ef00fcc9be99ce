"""What all records on `care-reminders` have in common, and how one goes out."""

from __future__ import annotations

from handlers import outputs
from handlers.context import Context
from handlers.outputs import ReminderHead
from handlers.state.customer import Customer
from handlers.suppression import suppressed
from scoring.calendar import date_of_day
from scoring.timestamps import rfc3339


def reminder_head(
    context: Context, customer: Customer, day: int, action: str | None, now_ms: int
) -> ReminderHead:
    """The common fields of the customer's next output, a reminder of a business day."""
    return ReminderHead(
        customer_id=customer.customer_id,
        sequence=context.next_sequence(customer),
        effective_at=rfc3339(now_ms),
        due_on=date_of_day(day).isoformat(),
        tier=customer.tier,
        action=action,
        suppressed=suppressed(context.rules, customer),
        policy_version=context.rules.version,
        marketing_consent=customer.marketing_consent,
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
