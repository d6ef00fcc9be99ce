"""What outputs say of a tier's future: the next fall, what keeps the tier, what the next one takes.

The rules themselves are in `scoring.outlook` and `scoring.needed`. What they find follows from a
few figures, which are mostly those of a moment ago: an output that asks for it is followed by a
profile that does, and what a customer only looks at changes none of them. So it is remembered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from handlers.outputs import Keep, NextTier, OverrideView, PendingOverrideView
from handlers.state.customer import Customer
from handlers.tiers.grading import beyond_of
from handlers.tiers.override import waiting_override
from scoring.grading import Beyond
from scoring.money import text_of_minor
from scoring.needed import Base, Needed, orders_needed
from scoring.outlook import Fall, Figures, Outlook, Standing, next_fall
from scoring.override import FLOOR, best_rank, in_force
from scoring.rules import Rules
from scoring.tiers import hold_end
from scoring.timestamps import rfc3339

_REMEMBERED = 32_768
"""Answers of each kind; one takes some hundred bytes."""


class Ahead(NamedTuple):
    """The next fall of a customer in a tier, and what the figures will be by then."""

    fall: Fall
    figures: Figures | None


_falls: dict[tuple[object, ...], Ahead | None] = {}
"""The next fall by all it follows from, where it does not follow from which order leaves when."""


def ahead(rules: Rules, customer: Customer, now_ms: int) -> Ahead | None:
    """The next fall if nothing more happens; None if there will be none."""
    rank = rules.rank[customer.tier]
    override = in_force(customer.override, rules, now_ms)
    if rank >= rules.prospect_rank:
        return None
    if rank == rules.prospect_rank - 1 and override is None and customer.ledger.orders_ever:
        return None
    ledger, calendar = customer.ledger, rules.calendar
    today, last_ms = calendar.day(now_ms), ledger.last_order_ms
    beyond = None if rules.grading is None else _nameless(customer, rules)
    grace_until_day = None if customer.grace is None else customer.grace.until_day
    hold_until_day = hold_end(rules, customer.rose_day)
    leaving_day = ledger.next_leaving_day(rules)
    last_day = None if last_ms is None else calendar.day(last_ms)
    spent = ledger.monetary, ledger.spend_ever
    counted = ledger.frequency, ledger.orders_ever
    given = rules, today, rank, grace_until_day, hold_until_day, last_day, leaving_day, counted
    key = *given, spent, beyond
    if override is None and key in _falls:
        return _falls[key]
    outlook = Outlook(rules, ledger, today, beyond)
    standing = Standing(rank, grace_until_day, hold_until_day, override)
    fall = next_fall(rules, outlook, standing, now_ms)
    if fall is None:
        found, is_before_orders_leave = None, leaving_day is None
    else:
        fall_day = calendar.day(fall.at_ms)
        found = Ahead(fall, outlook.figures(fall_day))
        is_before_orders_leave = leaving_day is None or leaving_day > fall_day
    if override is None and is_before_orders_leave:
        if len(_falls) >= _REMEMBERED:
            _falls.clear()
        _falls[key] = found
    return found


def keeps_until(coming: Ahead | None) -> str | None:
    """The instant of the next fall; None without one."""
    return None if coming is None else rfc3339(coming.fall.at_ms)


def keep(rules: Rules, customer: Customer, coming: Ahead | None, now_ms: int) -> Keep | None:
    """The orders of today that keep the tier at its next fall; None without a fall ahead."""
    if coming is None:
        return None
    today, day = rules.calendar.day(now_ms), rules.calendar.day(coming.fall.at_ms)
    figures, ledger = coming.figures, customer.ledger
    return _keep(
        rules,
        rules.rank[customer.tier],
        day - today,
        0 if figures is None else figures.frequency,
        0 if figures is None else figures.monetary,
        ledger.orders_ever,
        ledger.spend_ever,
        day - rules.window_days < today,
        None if rules.grading is None else _nameless(customer, rules),
    )


@lru_cache(maxsize=_REMEMBERED)
def _keep(rules: Rules, rank: int, *figures: Any) -> Keep:
    return Keep(*_texts(rules, orders_needed(rules, Base(*figures), rank)))


def next_tier(rules: Rules, customer: Customer, now_ms: int) -> NextTier | None:
    """The tier directly above, and the orders of today that it takes; None at the top.

    No orders reach it where an override forbids it.
    """
    rank = rules.rank[customer.tier]
    if rank == 0:
        return None
    ledger = customer.ledger
    if best_rank(rules, in_force(customer.override, rules, now_ms)) >= rank:
        return NextTier(rules.tier_name(rank - 1), None, None, None)
    return _next_tier(
        rules,
        rank - 1,
        ledger.frequency,
        ledger.monetary,
        ledger.orders_ever,
        ledger.spend_ever,
        None if rules.grading is None else _nameless(customer, rules),
    )


@lru_cache(maxsize=_REMEMBERED)
def _next_tier(
    rules: Rules,
    rank: int,
    frequency: int,
    monetary: int,
    orders_ever: int,
    spend_ever: int,
    beyond: Beyond | None,
) -> NextTier:
    base = Base(0, frequency, monetary, orders_ever, spend_ever, in_window=True, beyond=beyond)
    orders, total = _texts(rules, orders_needed(rules, base, rank))
    return NextTier(rules.tier_name(rank), total if orders == 1 else None, orders, total)


def override_view(rules: Rules, customer: Customer, now_ms: int) -> OverrideView | None:
    """The override in force; None without one."""
    override = in_force(customer.override, rules, now_ms)
    if override is None:
        return None
    assert override.tier is not None
    view = OverrideView(override.tier, rfc3339(override.until_ms), override.by, override.note)
    if override.mode == FLOOR:
        return view
    return OverrideView(view.tier, view.until, view.by, view.note, override.mode)


def pending_view(
    rules: Rules, customer: Customer, now_ms: int
) -> PendingOverrideView | UnsetType | None:
    """The override that waits for approval; unset where the policy knows of none."""
    waiting = waiting_override(customer, now_ms)
    if waiting is None:
        return None if rules.override_needs_approval else UNSET
    assert waiting.tier is not None
    return PendingOverrideView(
        waiting.event_id,
        waiting.tier,
        rfc3339(waiting.until_ms),
        waiting.mode,
        waiting.by,
        waiting.note,
    )


def _nameless(customer: Customer, rules: Rules) -> Beyond | None:
    """What else the customer is graded by; what is worked out of it is remembered for a while."""
    beyond = beyond_of(customer, rules)
    return None if beyond is None else beyond.nameless


def _texts(rules: Rules, needed: Needed | None) -> tuple[int | None, str | None]:
    if needed is None:
        return None, None
    return needed.orders, text_of_minor(needed.total_minor, rules.base_digits)
