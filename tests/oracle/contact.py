"""How often and when a customer is contacted: quiet hours, caps, and what goes before what."""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.audience import STAFF, address, names_of
from tests.oracle.customer import Customer
from tests.oracle.owner import owner_of
from tests.oracle.policy import Policy
from tests.oracle.times import business_day, local_time, parse_rfc3339, time_text

Output = dict[str, Any]


def weigh_together(customer: Customer, outputs: list[Output], policy: Policy) -> list[Output]:
    """The outputs of one customer at one instant, or of one event, as they go out."""
    for output in outputs:
        output["owner"] = owner_of(customer, policy)
        output["not_before"] = time_text(_end_of_quiet(_effective_ms(output), policy))
        address(output, policy)
    contact = policy.sections.get("contact", {})
    if contact.get("caps"):
        places = [_place(output, contact.get("priority", [])) for output in outputs]
        by_priority = sorted(range(len(outputs)), key=lambda number: places[number])
        for number in by_priority:
            if _is_message(outputs[number]):
                _count(outputs[number], customer, policy)
    return outputs


def _effective_ms(output: Output) -> int:
    found = parse_rfc3339(output["effective_at"])
    assert found is not None
    return found


def _place(output: Output, priority: list[str]) -> int:
    listed = [priority.index(name) for name in names_of(output) if name in priority]
    return listed[0] if listed else len(priority)


def _is_message(output: Output) -> bool:
    has_action = output.get("action") is not None
    return has_action and output["audience"] != STAFF and output["suppressed"] is None


def _count(output: Output, customer: Customer, policy: Policy) -> None:
    """Counts a message on its day, or holds it back."""
    contact = policy.sections["contact"]
    at = output["not_before"] or output["effective_at"]
    at_ms = parse_rfc3339(at)
    assert at_ms is not None
    day = business_day(at_ms, policy.timezone)
    is_exempt = not set(names_of(output)).isdisjoint(contact.get("exempt", []))
    if not is_exempt and any(_would_exceed(customer, day, cap) for cap in contact["caps"]):
        output["suppressed"] = "frequency_cap"
    else:
        longest = max(cap["days"] for cap in contact["caps"])
        kept = [each for each in customer.messages if each > day - timedelta(days=longest)]
        customer.messages = [*kept, day]


def _would_exceed(customer: Customer, day: date, cap: dict[str, int]) -> bool:
    """Whether any stretch of so many days with this one is full already."""
    length = timedelta(days=cap["days"])
    first_days = [day - timedelta(days=number) for number in range(cap["days"])]
    return any(
        sum(first <= each < first + length for each in customer.messages) >= cap["messages"]
        for first in first_days
    )


def forget_by_policy(customer: Customer, policy: Policy) -> None:
    """Under a policy without caps messages do not count."""
    if not policy.sections.get("contact", {}).get("caps"):
        customer.messages = []


def join(customer: Customer, other: Customer, policy: Policy) -> None:
    """The messages of both count."""
    forget_by_policy(other, policy)
    customer.messages += other.messages


def _end_of_quiet(at_ms: int, policy: Policy) -> int | None:
    """When the quiet hours that an instant lies in are over; None outside of them."""
    quiet = policy.sections.get("contact", {}).get("quiet")
    if quiet is None:
        return None
    return _end(at_ms, quiet["from"], quiet["to"], policy.timezone)


@cache
def _end(at_ms: int, start: str, stop: str, zone: str) -> int | None:
    ends_ms = at_ms
    while _is_quiet(ends_ms, start, stop, zone):
        ends_ms = _last_that_reads(stop, ends_ms, zone)
    return None if ends_ms == at_ms else ends_ms


def _is_quiet(at_ms: int, start: str, stop: str, zone: str) -> bool:
    clock = f"{local_time(at_ms, zone):%H:%M}"
    return start <= clock < stop if start < stop else clock >= start or clock < stop


def _last_that_reads(stop: str, at_ms: int, zone: str) -> int:
    """The last instant with the next wall time `stop`; in a gap of the clock the first after it."""
    now = local_time(at_ms, zone)
    hour, minute = map(int, stop.split(":"))
    wall = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if wall <= now:
        wall += timedelta(days=1)
    readings = [wall.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
    instants = [int(each.timestamp() * 1_000) for each in readings]
    that_read = [each for each in instants if local_time(each, zone) == wall]
    if that_read:
        return max(that_read)
    return _first_after_gap(min(instants), max(instants), wall, zone)


def _first_after_gap(low_ms: int, high_ms: int, wall: datetime, zone: str) -> int:
    """By halves: the first instant at which the clock is beyond a wall time that it skips."""
    while high_ms - low_ms > 1:
        middle = (low_ms + high_ms) // 2
        if local_time(middle, zone) > wall:
            high_ms = middle
        else:
            low_ms = middle
    return high_ms
