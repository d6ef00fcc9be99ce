"""What time alone does to a customer: every business day and every level, one after another."""

from datetime import timedelta

from tests.oracle import (
    ahead,
    care,
    contact,
    followups,
    points,
    retention,
    service,
    surveys,
    tags,
    visits,
)
from tests.oracle.customer import Customer
from tests.oracle.evaluation import Cause, Output, evaluate_tier, reach_level, view_on
from tests.oracle.ledger import is_in_window
from tests.oracle.levels import CHURNED, begins_ms
from tests.oracle.policy import Policy
from tests.oracle.times import business_day, start_of_day


def fire_until(
    customer: Customer, limit_ms: int, clock_ms: int | None, policy: Policy
) -> list[tuple[int, Output]]:
    """Fires what is due up to an instant, itself included: the outputs with their instants.

    `clock_ms` is the partition's clock, if it has one yet. An erasure by retention is first at its
    instant.
    The tier is evaluated at the start of every business day, which must come to the same as
    only at those days on which something can change, and where an override ends.
    """
    fired: list[tuple[int, Output]] = []
    while True:
        today = business_day(customer.position_ms, policy.timezone)
        day_ms = start_of_day(today + timedelta(days=1), policy.timezone)
        level_ms = _next_level_ms(customer, policy)
        expiry_ms = None if policy.points is None else points.next_expiry_ms(customer)
        until_ms = _override_ends_ms(customer)
        overdue_ms = service.next_ms(customer, policy)
        silence_ms, erased_ms = retention.due_ms(customer, policy), retention.erased_ms(customer)
        dues = (day_ms, level_ms, expiry_ms, until_ms, overdue_ms, silence_ms, erased_ms)
        at_ms = min(due for due in dues if due is not None)
        if at_ms > limit_ms:
            break
        customer.position_ms = at_ms
        if at_ms == erased_ms:
            customer.lapsed_ms = at_ms
            return fired
        told: list[Output] = []
        if at_ms in (day_ms, until_ms):
            told += _start(customer, at_ms, policy, by_hand=at_ms == until_ms)
            visits.follow(customer, at_ms, policy)
        while _next_level_ms(customer, policy) == at_ms:
            told.append(reach_level(customer, customer.level + 1, at_ms, policy))
        if at_ms == day_ms:
            told += care.start_day(customer, at_ms, policy)
        told += ahead.warn(customer, at_ms, policy)
        if at_ms == day_ms:
            told += points.warn(customer, at_ms, policy)
            told += surveys.start_day(customer, at_ms, policy)
            told += followups.remind(customer, at_ms, policy)
            told += visits.start_day(customer, at_ms, policy)
        told += retention.remind(customer, at_ms, at_ms if clock_ms is None else clock_ms, policy)
        told += service.remind(customer, at_ms, policy)
        if expiry_ms == at_ms:
            told += points.expire(customer, at_ms, policy, "expiry")
        if at_ms == day_ms:
            told += tags.look(customer, at_ms, policy, reason="time")
        fired += [(at_ms, output) for output in contact.weigh_together(customer, told, policy)]
    customer.position_ms = max(customer.position_ms, limit_ms)
    return fired


def _override_ends_ms(customer: Customer) -> int | None:
    """When what was set by hand ends, if that lies ahead; whether it rests or not."""
    newest = customer.newest_override()
    if newest is None or newest.tier is None or newest.until_ms <= customer.position_ms:
        return None
    return newest.until_ms


def _next_level_ms(customer: Customer, policy: Policy) -> int | None:
    if customer.level == CHURNED:
        return None
    counted = customer.counted(policy)
    return begins_ms(customer.level + 1, counted, customer.interactions_ms, policy)


def _start(customer: Customer, at_ms: int, policy: Policy, *, by_hand: bool) -> list[Output]:
    """The tier at the start of a business day, or where an override ends."""
    today = business_day(at_ms, policy.timezone)
    day_before = business_day(at_ms - 1, policy.timezone)
    before = view_on(customer, day_before, policy)
    left = tuple(
        order.order_id
        for order in customer.counted(policy)
        if order.in_reach
        and not order.merged
        and is_in_window(order.day, day_before, policy)
        and not is_in_window(order.day, today, policy)
    )
    customer.freeze_what_left(today, policy)
    newest = customer.newest_override()
    rests = newest is None or newest.tier is None or policy.tier_named(newest.tier) is None
    cause = Cause(at_ms, today, before, caused_by=left, by_hand=by_hand and not rests)
    return evaluate_tier(customer, cause, policy)
