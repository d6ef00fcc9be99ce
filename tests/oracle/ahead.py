"""Falls that lie ahead are told so many business days before they come."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.oracle.care import reminder
from tests.oracle.customer import Customer
from tests.oracle.evaluation import fall_of, keep_of
from tests.oracle.policy import Policy
from tests.oracle.tiers import NOTHING, name_of
from tests.oracle.times import business_day, start_of_day, time_text


@dataclass
class Known:
    """A fall that is known: of which tier, on which day, and when it is to be told, if at all."""

    tier: str
    day: date
    tell_ms: int | None


def warn(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    """After each evaluation: a date that comes to be known is told then, later, or never."""
    fall = None if policy.warn_days is None else fall_of(customer, at_ms, policy)
    if fall is None or policy.warn_days is None:
        customer.fall_ahead = None
        return []
    day = business_day(fall.at_ms, policy.timezone)
    known = customer.fall_ahead
    is_news = known is None or (known.tier, known.day) != (customer.tier, day)
    if known is None or is_news or known.tell_ms is None:  # or the instant of that day is another
        tell_ms = start_of_day(day - timedelta(days=policy.warn_days), policy.timezone)
        if tell_ms < at_ms:
            tomorrow = business_day(at_ms, policy.timezone) + timedelta(days=1)
            tell_ms = start_of_day(tomorrow, policy.timezone)
        is_told = (customer.tier, day) in customer.expiring_told
        is_late = is_told or tell_ms >= fall.at_ms
        known = customer.fall_ahead = Known(customer.tier, day, None if is_late else tell_ms)
    if known.tell_ms is None or known.tell_ms > at_ms:
        return []
    known.tell_ms = None
    customer.expiring_told.append((customer.tier, day))
    kept = keep_of(customer, at_ms, policy) or NOTHING
    more = {
        "falls_to": name_of(fall.rank, policy),
        "keeps_until": time_text(fall.at_ms),
        **kept.shown(policy),
    }
    return [reminder(customer, "tier.expiring", day, {}, at_ms, policy) | more]


def look_anew(customer: Customer) -> None:
    """Under a new policy, and after a merge, a date comes to be known at that moment."""
    customer.fall_ahead = None
