"""What outputs say of a tier's future: the next fall, what keeps the tier, what the next one takes.

The rules themselves are in `scoring.outlook` and `scoring.needed`.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET, UnsetType

from handlers.outputs import Keep, NextTier, OverrideView, PendingOverrideView
from handlers.state.customer import Customer
from handlers.tiers.grading import beyond_of
from handlers.tiers.override import waiting_override
from scoring.grading import Beyond
from scoring.money import text_of_minor
from scoring.needed import Base, Needed, orders_needed
from scoring.outlook import Fall, Outlook, Standing, next_fall
from scoring.override import FLOOR, best_rank, in_force
from scoring.rules import Rules
from scoring.tiers import hold_end
from scoring.timestamps import rfc3339


class Ahead(NamedTuple):
    """The next fall of a customer in a tier, and what the figures will be by then."""

    fall: Fall
    outlook: Outlook


def ahead(rules: Rules, customer: Customer, now_ms: int) -> Ahead | None:
    """The next fall if nothing more happens; None if there will be none."""
    rank = rules.rank[customer.tier]
    override = in_force(customer.override, rules, now_ms)
    if rank >= rules.prospect_rank:
        return None
    if rank == rules.prospect_rank - 1 and override is None and customer.ledger.orders_ever:
        return None
    outlook = Outlook(
        rules, customer.ledger, rules.calendar.day(now_ms), beyond_of(customer, rules)
    )
    grace_until_day = None if customer.grace is None else customer.grace.until_day
    standing = Standing(rank, grace_until_day, hold_end(rules, customer.rose_day), override)
    fall = next_fall(rules, outlook, standing, now_ms)
    return None if fall is None else Ahead(fall, outlook)


def keeps_until(coming: Ahead | None) -> str | None:
    """The instant of the next fall; None without one."""
    return None if coming is None else rfc3339(coming.fall.at_ms)


def keep(rules: Rules, customer: Customer, coming: Ahead | None, now_ms: int) -> Keep | None:
    """The orders of today that keep the tier at its next fall; None without a fall ahead."""
    if coming is None:
        return None
    today, day = rules.calendar.day(now_ms), rules.calendar.day(coming.fall.at_ms)
    figures, ledger = coming.outlook.figures(day), customer.ledger
    base = Base(
        day - today,
        0 if figures is None else figures.frequency,
        0 if figures is None else figures.monetary,
        ledger.orders_ever,
        ledger.spend_ever,
        in_window=day - rules.window_days < today,
        beyond=_nameless(customer, rules),
    )
    needed = orders_needed(rules, base, rules.rank[customer.tier])
    return Keep(*_texts(rules, needed))


def next_tier(rules: Rules, customer: Customer, now_ms: int) -> NextTier | None:
    """The tier directly above, and the orders of today that it takes; None at the top.

    No orders reach it where an override forbids it.
    """
    rank = rules.rank[customer.tier]
    if rank == 0:
        return None
    ledger, name = customer.ledger, rules.tier_name(rank - 1)
    if best_rank(rules, in_force(customer.override, rules, now_ms)) >= rank:
        return NextTier(name, None, None, None)
    base = Base(
        0,
        ledger.frequency,
        ledger.monetary,
        ledger.orders_ever,
        ledger.spend_ever,
        in_window=True,
        beyond=_nameless(customer, rules),
    )
    needed = orders_needed(rules, base, rank - 1)
    orders, total = _texts(rules, needed)
    return NextTier(name, total if orders == 1 else None, orders, total)


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
