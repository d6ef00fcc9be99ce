"""Dormancy levels: alerts as time passes, and how events change the level.

The thresholds are in `scoring.dormancy`.
"""

from __future__ import annotations

from typing import NamedTuple

from handlers import outputs
from handlers.causes import SILENCE, alert_reason
from handlers.context import Cause, Context
from handlers.outputs import LevelChanged, optional_time
from handlers.state.customer import Customer
from scoring.dormancy import (
    ACTIVE,
    CHURNED,
    DORMANT,
    LEVELS,
    Thresholds,
    level_at,
    level_instants,
    threshold_days,
)
from scoring.orders.joining import Joined
from scoring.rules import Rules


class CameBack(NamedTuple):
    """A purchase or an interaction, which may bring the customer back, and when it happened."""

    is_purchase: bool
    at_ms: int


def came_with(customer: Customer, other: Customer, joined: Joined) -> CameBack | None:
    """What a merge counts as for the level: a purchase or an interaction of who was merged.

    It is the newest purchase if that is as new as the level; else, of a churned customer, the
    newest interaction.

    Args:
        customer: with the orders of both, and its level of before.
        other: who was merged into it.
        joined: what changed in the orders; one may come to count by what the other id had of it.
    """
    bought, last_ms = other.ledger.last_order_ms, customer.ledger.last_order_ms
    came_ms = [] if bought is None else [bought]
    came_ms += [
        order.placed_ms for order, counted in joined.changed if order.counts and not counted
    ]
    if came_ms and last_ms is not None:
        bought_ms = min(max(came_ms), last_ms)  # an order that both had may count no more
        if bought_ms >= customer.level_since_ms:
            return CameBack(True, bought_ms)
    seen_ms = other.last_interaction_ms
    return None if seen_ms is None or customer.level < CHURNED else CameBack(False, seen_ms)


def thresholds_of(rules: Rules, customer: Customer) -> Thresholds:
    """The thresholds of a customer with at least one counted order."""
    ledger = customer.ledger
    first_ms, last_ms = ledger.first_order_ms, ledger.last_order_ms
    assert first_ms is not None
    assert last_ms is not None
    return rules.dormancy.thresholds(ledger.orders_ever, first_ms, last_ms)


def instants_of(rules: Rules, customer: Customer) -> tuple[int, int, int] | None:
    """The instants of at risk, dormant and churned; None without a counted order."""
    last_ms = customer.ledger.last_order_ms
    if last_ms is None:
        return None
    interaction_ms = customer.last_interaction_ms
    return level_instants(
        thresholds_of(rules, customer),
        last_ms,
        last_ms if interaction_ms is None else interaction_ms,
    )


def level_due_ms(rules: Rules, customer: Customer) -> int | None:
    """The instant of the next more severe level, without events; None when churned."""
    if customer.level == CHURNED:
        return None
    instants = instants_of(rules, customer)
    return None if instants is None else instants[customer.level]


def reach_levels(context: Context, customer: Customer, now_ms: int) -> None:
    """Send an alert for each level that time has reached by `now_ms`, one by one."""
    while (due := level_due_ms(context.rules, customer)) is not None and due <= now_ms:
        level = customer.level + 1
        cause = Cause(f"time:{due}:{LEVELS[level]}", (), SILENCE)
        _alert(context, customer, level, due, cause)


def compare_level(
    context: Context,
    customer: Customer,
    now_ms: int,
    cause: Cause,
    came_back: CameBack | None,
) -> None:
    """Compare the recorded level with the true one after an event, and report a change.

    A more severe level is an alert. A less severe one means that the customer came back, if a
    purchase or an interaction lowered it that is not older than the recorded level; else the
    alerts above the true level are withdrawn.
    """
    instants = instants_of(context.rules, customer)
    true_level = ACTIVE if instants is None else level_at(instants, now_ms)
    recorded = customer.level
    if true_level == recorded:
        return
    if true_level > recorded:
        _alert(context, customer, true_level, now_ms, cause)
        return
    withdrawn = [alert_id for level, alert_id in customer.standing if level > true_level]
    customer.standing = [alert for alert in customer.standing if alert[0] <= true_level]
    customer.level = true_level
    really_back = came_back is not None and came_back.at_ms >= customer.level_since_ms
    customer.level_since_ms = now_ms
    change = _LevelChange(recorded, now_ms, cause)
    rules = context.rules
    if not really_back:
        _emit(context, customer, outputs.DORMANCY_WITHDRAWN, change, withdraws=withdrawn)
    elif came_back is not None and came_back.is_purchase and recorded >= DORMANT:
        action = rules.reactivated_action
        _emit(context, customer, outputs.CUSTOMER_REACTIVATED, change, action=action)
    elif came_back is not None and not came_back.is_purchase and recorded == CHURNED:
        _emit(context, customer, outputs.CUSTOMER_RETURNED, change, action=rules.returned_action)


class _LevelChange(NamedTuple):
    """A change of level that goes out."""

    previous: int
    effective_ms: int
    cause: Cause


def _alert(
    context: Context, customer: Customer, level: int, effective_ms: int, cause: Cause
) -> None:
    change = _LevelChange(customer.level, effective_ms, cause)
    customer.level = level
    customer.level_since_ms = effective_ms
    alert_id = _emit(
        context,
        customer,
        outputs.DORMANCY_ALERT,
        change,
        action=context.rules.level_actions[level],
        thresholds=thresholds_of(context.rules, customer),
    )
    customer.standing.append((level, alert_id))


def _emit(
    context: Context,
    customer: Customer,
    type_name: str,
    change: _LevelChange,
    *,
    withdraws: list[str] | None = None,
    action: str | None = None,
    thresholds: Thresholds | None = None,
) -> str:
    level = customer.level
    data = LevelChanged(
        **context.head(
            customer,
            change.effective_ms,
            alert_reason(change.cause.reason),
            type_name,
            LEVELS[level],
        ),
        level=LEVELS[level],
        previous_level=LEVELS[change.previous],
        last_order_at=optional_time(customer.ledger.last_order_ms),
        last_interaction_at=optional_time(customer.last_interaction_ms),
        threshold_days=None if thresholds is None else threshold_days(thresholds, level),
        basis=None if thresholds is None else thresholds.basis,
        withdraws=withdraws or [],
        tier=customer.tier,
        open_tickets=customer.open_tickets,
        action=action,
    )
    context.count(context.tally.level_changes, (type_name, LEVELS[level]))
    key, effective_ms = change.cause.key, change.effective_ms
    return context.emit(
        outputs.DORMANCY_ALERTS, type_name, customer, key, effective_ms, data, LEVELS[level]
    )
