"""Surveys are due after tickets, after orders and from time to time, but not soon after another."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.oracle.care import is_for, reminder
from tests.oracle.customer import Customer
from tests.oracle.policy import Policy
from tests.oracle.times import business_day


@dataclass
class Asked:
    """Since when a customer may be asked, when it was asked or answered, after what it was due."""

    since_ms: int
    asked_or_answered_ms: list[int] = field(default_factory=list)
    tickets_ms: list[int] = field(default_factory=list)
    orders_ms: list[int] = field(default_factory=list)


def declared(policy: Policy) -> dict[str, Any] | None:
    found: dict[str, Any] | None = policy.sections.get("care", {}).get("surveys")
    return found


def follow(customer: Customer, at_ms: int, policy: Policy, answered_ms: int | None = None) -> None:
    """Whoever is met under a policy with surveys may be asked; an answer is noted."""
    if declared(policy) is None:
        customer.asked = None
        return
    if customer.asked is None:
        customer.asked = Asked(at_ms)
    if answered_ms is not None:
        customer.asked.asked_or_answered_ms.append(answered_ms)


def start_day(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    """What is due on the business day that begins at an instant."""
    given, asked = declared(policy), customer.asked
    if given is None or asked is None:
        return []
    today = business_day(at_ms, policy.timezone)
    told = []
    for trigger, subject, of_ms, rule in _due(customer, at_ms, policy):
        if trigger == "ticket":
            asked.tickets_ms.append(of_ms)
        if trigger == "order":
            asked.orders_ms.append(of_ms)
        last = max(asked.asked_or_answered_ms, default=None)
        rest = timedelta(days=given.get("rest_days", 30))
        if last is not None and today - business_day(last, policy.timezone) < rest:
            continue
        asked.asked_or_answered_ms.append(at_ms)
        more = {
            "survey": rule.get("survey", "csat"),
            "trigger": trigger,
            "ticket_id": subject if trigger == "ticket" else None,
            "order_id": subject if trigger == "order" else None,
        }
        told.append(reminder(customer, "survey.due", today, rule, at_ms, policy) | more)
    return told


Due = tuple[str, str, int, dict[str, Any]]


def _due(customer: Customer, at_ms: int, policy: Policy) -> list[Due]:
    """Trigger, subject, time of it and rule of all that is due today, in order."""
    given, asked = declared(policy), customer.asked
    assert given is not None
    today = business_day(at_ms, policy.timezone)

    def is_due(of_ms: int, rule: dict[str, Any]) -> bool:
        return business_day(of_ms, policy.timezone) + timedelta(days=rule["days"]) == today

    found: list[Due] = []
    rule = given.get("after_ticket")
    if rule is not None and is_for(rule, customer, prospects=True):
        for ticket_id, ticket in sorted(customer.tickets.items()):
            of_ms = ticket.state_at_ms
            if ticket.state == "ticket.resolved" and of_ms is not None and is_due(of_ms, rule):
                found += [("ticket", ticket_id, of_ms, rule)]
    found = [each for each in found if all(each[2] > told for told in asked.tickets_ms)]
    rule = given.get("after_order")
    if rule is not None and is_for(rule, customer, prospects=True):
        orders = sorted(customer.open_orders(), key=lambda order: order.order_id)
        found += [
            ("order", order.order_id, order.placed_at_ms, rule)
            for order in orders
            if order.counts(policy)
            and is_due(order.placed_at_ms, rule)
            and all(order.placed_at_ms > told for told in asked.orders_ms)
        ]
    rule = given.get("cadence", {}).get(customer.tier)
    if rule is not None:
        begun_ms = max([asked.since_ms, *asked.asked_or_answered_ms])
        due = business_day(begun_ms, policy.timezone) + timedelta(days=rule["days"])
        if due <= today:
            found.append(("cadence", "", begun_ms, rule))
    return found


def join(customer: Customer, other: Customer) -> None:
    own, theirs = customer.asked, other.asked
    if own is None or theirs is None:
        customer.asked = own or theirs
        return
    own.since_ms = min(own.since_ms, theirs.since_ms)
    own.asked_or_answered_ms += theirs.asked_or_answered_ms
    own.tickets_ms += theirs.tickets_ms
    own.orders_ms += theirs.orders_ms
