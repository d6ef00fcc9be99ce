"""Levels of silence: alerts as time passes, and what events make of them."""

from __future__ import annotations

from typing import NamedTuple

from handlers import outputs
from handlers.context import Context
from handlers.outputs import LevelChanged, optional_time
from handlers.state.customer import Customer
from handlers.suppression import suppressed
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
from scoring.rules import Rules
from scoring.timestamps import rfc3339


class CameBack(NamedTuple):
    """A purchase or an interaction, and when it happened."""

    is_purchase: bool
    at_ms: int


def thresholds_of(rules: Rules, customer: Customer) -> Thresholds:
    """The thresholds of a customer with at least one counted order."""
    ledger = customer.ledger
    first_ms, last_ms = ledger.first_order_ms, ledger.last_order_ms
    assert first_ms is not None
    assert last_ms is not None
    return rules.dormancy.thresholds(ledger.orders_ever, first_ms, last_ms)


def instants_of(rules: Rules, customer: Customer) -> tuple[int, int, int] | None:
    """When at risk, dormant and churned are reached; None without a counted order."""
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
    """The instant of the next more severe level if nothing happens."""
    if customer.level == CHURNED:
        return None
    instants = instants_of(rules, customer)
    return None if instants is None else instants[customer.level]


def reach_levels(context: Context, customer: Customer, now_ms: int) -> None:
    """Time has passed: alert each level whose instant is `now_ms`, one by one."""
    while (due := level_due_ms(context.rules, customer)) is not None and due <= now_ms:
        level = customer.level + 1
        _alert(context, customer, level, due, f"time:{due}:{LEVELS[level]}")


def compare_level(
    context: Context,
    customer: Customer,
    now_ms: int,
    cause_key: str,
    came_back: CameBack | None,
) -> None:
    """Hold the recorded level against the true one after an event, and tell what changed."""
    instants = instants_of(context.rules, customer)
    true_level = ACTIVE if instants is None else level_at(instants, now_ms)
    recorded = customer.level
    if true_level == recorded:
        return
    if true_level > recorded:
        _alert(context, customer, true_level, now_ms, cause_key)
        return
    withdrawn = [alert_id for level, alert_id in customer.standing if level > true_level]
    customer.standing = [alert for alert in customer.standing if alert[0] <= true_level]
    customer.level = true_level
    really_back = came_back is not None and came_back.at_ms >= customer.level_since_ms
    customer.level_since_ms = now_ms
    turn = _Turn(recorded, now_ms, cause_key)
    rules = context.rules
    if not really_back:
        _tell(context, customer, outputs.DORMANCY_WITHDRAWN, turn, withdraws=withdrawn)
    elif came_back is not None and came_back.is_purchase and recorded >= DORMANT:
        action = rules.reactivated_action
        _tell(context, customer, outputs.CUSTOMER_REACTIVATED, turn, action=action)
    elif came_back is not None and not came_back.is_purchase and recorded == CHURNED:
        _tell(context, customer, outputs.CUSTOMER_RETURNED, turn, action=rules.returned_action)


class _Turn(NamedTuple):
    """A change of level that is to be told."""

    previous: int
    effective_ms: int
    cause_key: str


def _alert(
    context: Context, customer: Customer, level: int, effective_ms: int, cause_key: str
) -> None:
    turn = _Turn(customer.level, effective_ms, cause_key)
    customer.level = level
    customer.level_since_ms = effective_ms
    alert_id = _tell(
        context,
        customer,
        outputs.DORMANCY_ALERT,
        turn,
        action=context.rules.level_actions[level],
        thresholds=thresholds_of(context.rules, customer),
    )
    customer.standing.append((level, alert_id))


def _tell(
    context: Context,
    customer: Customer,
    type_name: str,
    turn: _Turn,
    *,
    withdraws: list[str] | None = None,
    action: str | None = None,
    thresholds: Thresholds | None = None,
) -> str:
    level = customer.level
    data = LevelChanged(
        customer_id=customer.customer_id,
        sequence=context.next_sequence(customer),
        level=LEVELS[level],
        previous_level=LEVELS[turn.previous],
        effective_at=rfc3339(turn.effective_ms),
        last_order_at=optional_time(customer.ledger.last_order_ms),
        last_interaction_at=optional_time(customer.last_interaction_ms),
        threshold_days=None if thresholds is None else threshold_days(thresholds, level),
        basis=None if thresholds is None else thresholds.basis,
        withdraws=withdraws or [],
        tier=customer.tier,
        open_tickets=customer.open_tickets,
        suppressed=suppressed(context.rules, customer),
        action=action,
        policy_version=context.rules.version,
        marketing_consent=customer.marketing_consent,
    )
    context.tally.level_changes[type_name, LEVELS[level]] += 1
    return context.emit(
        outputs.DORMANCY_ALERTS, type_name, customer, turn.cause_key, turn.effective_ms, data
    )
