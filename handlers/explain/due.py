"""A customer's dormancy level, and what is due next."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from handlers.dormancy import instants_of, level_due_ms, thresholds_of
from handlers.explain.model import DueNext, DueReason, LevelStep, LevelWhy, StandingAlert
from handlers.explain.orders import date_of
from handlers.explain.reminders import reminders_to_come
from handlers.outputs import optional_time
from handlers.state.customer import Customer
from handlers.tags.tagging import tags_due_ms
from scoring.calendar import DAY_MS
from scoring.dormancy import CHURNED, LEVELS, threshold_days
from scoring.money import text_of_minor
from scoring.rules import Rules
from scoring.tiers import hold_end
from scoring.timestamps import NEVER_MS, rfc3339


def ever(instant_ms: int) -> str | None:
    """RFC 3339 of an instant; None for `NEVER_MS`."""
    return None if instant_ms == NEVER_MS else rfc3339(instant_ms)


def level_why(customer: Customer, rules: Rules, clock_ms: int) -> LevelWhy:
    """The dormancy level, its thresholds, and when each level is reached."""
    ledger = customer.ledger
    instants = instants_of(rules, customer)
    thresholds = None if instants is None else thresholds_of(rules, customer)
    steps = []
    if instants is not None and thresholds is not None:
        steps = [
            LevelStep(
                LEVELS[level],
                threshold_days(thresholds, level),
                rfc3339(instants[level - 1]),
                customer.level >= level,
            )
            for level in range(1, CHURNED + 1)
        ]
    mean_gap_days = None
    basis = None if thresholds is None else thresholds.basis
    if basis == "cadence":
        first_ms, last_ms = ledger.first_order_ms, ledger.last_order_ms
        assert first_ms is not None
        assert last_ms is not None
        gap = Fraction(last_ms - first_ms, (ledger.orders_ever - 1) * DAY_MS)
        mean_gap_days = round(gap * 10_000) / 10_000
    return LevelWhy(
        name=LEVELS[customer.level],
        since=ever(customer.level_since_ms),
        last_interaction_at=optional_time(customer.last_interaction_ms),
        basis=basis,
        mean_gap_days=mean_gap_days,
        steps=steps,
        standing=[StandingAlert(LEVELS[level], alert_id) for level, alert_id in customer.standing],
        alive=_alive(customer, rules, clock_ms) if basis == "probability" else None,
    )


def _alive(customer: Customer, rules: Rules, clock_ms: int) -> str | None:
    """The probability that the customer still buys, as of its clock."""
    model, ledger = rules.dormancy.alive, customer.ledger
    first_ms, last_ms = ledger.first_order_ms, ledger.last_order_ms
    if model is None or first_ms is None or last_ms is None:
        return None
    found = model.alive(ledger.orders_ever - 1, last_ms - first_ms, clock_ms - last_ms)
    return text_of_minor(round(Fraction(found) * 10_000), 4)


def due_next(customer: Customer, rules: Rules) -> DueNext | None:
    """When the customer is due next without an event, and why."""
    due_ms = customer.next_due_ms
    if due_ms is None:
        return None
    return DueNext(
        rfc3339(due_ms),
        [reason for at_ms, reason in _instants(customer, rules) if at_ms == due_ms],
    )


def _instants(customer: Customer, rules: Rules) -> Iterator[tuple[int, DueReason]]:
    """Everything that comes due by time alone, with its instant."""
    ledger, start = customer.ledger, rules.calendar.start
    for order in ledger.orders:
        yield start(order.day + rules.window_days), DueReason("order_leaves", order.order_id)
    for merged in ledger.merged:
        at_ms = start(merged.day + rules.window_days)
        yield at_ms, DueReason("merged_leave", date_of(merged.day))
    last_ms = ledger.last_order_ms
    if last_ms is not None:
        last_day = rules.calendar.day(last_ms)
        for step in rules.recency_steps:
            yield start(last_day + step), DueReason("recency_passes", step - 1)
    if customer.grace is not None:
        yield start(customer.grace.until_day), DueReason("grace_ends")
    yield from _instants_by_hand(customer, rules)
    level_ms = level_due_ms(rules, customer)
    if level_ms is not None:
        yield level_ms, DueReason("level", LEVELS[customer.level + 1])
    yield from _feature_instants(customer, rules)


def _instants_by_hand(customer: Customer, rules: Rules) -> Iterator[tuple[int, DueReason]]:
    """The ends of a hold and of tiers by hand."""
    hold_day = hold_end(rules, customer.rose_day)
    if hold_day is not None:
        yield rules.calendar.start(hold_day), DueReason("hold_ends")
    if customer.override is not None and customer.override.tier is not None:
        yield customer.override.until_ms, DueReason("override_ends", customer.override.tier)
    if customer.pending_override is not None:
        yield customer.pending_override.until_ms, DueReason("approval_ends")


def _feature_instants(customer: Customer, rules: Rules) -> Iterator[tuple[int, DueReason]]:
    if customer.next_due_ms is not None:
        for reminder in reminders_to_come(rules, customer, customer.next_due_ms - 1):
            yield reminder.at_ms, DueReason("reminder", reminder.name)
    if customer.points is not None and rules.points is not None:
        expiry = customer.points.next_expiry()
        if expiry is not None:
            yield expiry[0], DueReason("points_expire", expiry[1])
    tags_ms = tags_due_ms(rules, customer)
    if tags_ms is not None:
        yield tags_ms, DueReason("tags_change")
