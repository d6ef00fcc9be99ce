"""When a customer's tier is evaluated without an event."""

from __future__ import annotations

from handlers.state.customer import Customer
from handlers.tiers.override import waiting_override
from scoring.override import in_force
from scoring.rules import Rules
from scoring.tiers import hold_end


def tier_due_ms(rules: Rules, customer: Customer, now_ms: int) -> int | None:
    """The next instant after the customer's clock at which the tier is evaluated by time alone.

    It is the start of a business day on which an order leaves the window, a recency cut-off or a
    condition is passed, or a grace or a hold ends; or the end of an override.
    """
    calendar, ledger = rules.calendar, customer.ledger
    today = calendar.day(now_ms)
    due = ledger.next_leaving_day(rules)
    if ledger.last_order_ms is not None:
        last_day = calendar.day(ledger.last_order_ms)
        for step in rules.recency_steps:
            day = last_day + step
            if day > today:
                if due is None or day < due:
                    due = day
                break
    for day in grace_and_hold_days(rules, customer):
        if day > today and (due is None or day < due):
            due = day
    due_ms = None if due is None else calendar.start(due)
    override = in_force(customer.override, rules, now_ms)
    if override is not None and (due_ms is None or override.until_ms < due_ms):
        due_ms = override.until_ms
    # The profile shows what waits for approval, until its time is over.
    waiting = waiting_override(customer, now_ms)
    if waiting is not None and (due_ms is None or waiting.until_ms < due_ms):
        due_ms = waiting.until_ms
    return due_ms


def grace_and_hold_days(rules: Rules, customer: Customer) -> list[int]:
    """The business days on which a grace and a hold end; they may have passed."""
    grace, hold_day = customer.grace, hold_end(rules, customer.rose_day)
    days = [] if grace is None else [grace.until_day]
    return days if hold_day is None else [*days, hold_day]


def leaving_days(rules: Rules, customer: Customer) -> list[int]:
    """The business days on which counted orders leave the window."""
    return [day + rules.window_days for day, _, _ in customer.ledger.leaving()]


def recency_days(rules: Rules, customer: Customer) -> list[int]:
    """The business days on which the last order passes a recency cut-off or condition."""
    last_ms = customer.ledger.last_order_ms
    if last_ms is None:
        return []
    last_day = rules.calendar.day(last_ms)
    return [last_day + step for step in rules.recency_steps]
