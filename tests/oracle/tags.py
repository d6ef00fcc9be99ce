"""Tags, looked at again after every event and on every business day, from all that was told."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.births import gregorian_birth_of
from tests.oracle.customer import PROFILING, Customer
from tests.oracle.feelings import churn_answer, last_scores
from tests.oracle.fields import item_told
from tests.oracle.identity import Event
from tests.oracle.policy import Policy
from tests.oracle.suppression import marks
from tests.oracle.times import business_day, time_text

BROWSE = (
    "page.viewed",
    "product.viewed",
    "product.searched",
    "link.clicked",
    "cart.updated",
    "checkout.started",
)
_TOLD = ("attribute", "age", "answer")  # what customers tell of themselves
_EPOCH = date(1970, 1, 1)
_MOST_BYTES_OF_NAME = 64

Rule = dict[str, Any]


@dataclass
class Tags:
    """What tags need of a customer's history."""

    since: dict[str, int] = field(default_factory=dict)
    ever: Counter[str] = field(default_factory=Counter)
    counted: list[tuple[str, date]] = field(default_factory=list)
    weights: list[tuple[str, str, int, date]] = field(default_factory=list)  # of, name, weight, day


def _is_usable(name: Any) -> bool:
    return bool(name) and len(name.encode()) <= _MOST_BYTES_OF_NAME


def _keys(rule: Rule) -> list[str]:
    """The names under which the events of a counting rule are counted."""
    found: list[str] = []
    for name in rule["events"]:
        found += BROWSE if name == "browse" else [name]
    return [f"{name}/{rule['activity']}" if "activity" in rule else name for name in found]


def _windows(policy: Policy) -> dict[str, int]:
    found: dict[str, int] = {}
    for rule in policy.sections.get("tags", []):
        if rule["kind"] == "count":
            for key in _keys(rule):
                found[key] = max(found.get(key, 0), rule.get("days", 0))
    return found


def _top_rule(policy: Policy, of: str) -> Rule | None:
    rules = [r for r in policy.sections.get("tags", []) if r["kind"] == "top" and r["of"] == of]
    return rules[0] if rules else None


def note(event: Event, customer: Customer, policy: Policy, today: date) -> None:
    """Keeps of an event what the rules in force ask for."""
    tags = customer.tags
    told = event.fields.get("purposes") if event.type == "consent.changed" else None
    if customer.refuses_profiling or (told or {}).get(PROFILING) is not None:
        return  # that counting begins or ends is not counted
    day = business_day(event.at_ms, policy.timezone)
    keys = [event.acts_as]
    if event.type == "activity.recorded":
        keys.append(f"{event.type}/{event.fields['activity']}")
    for key, days in _windows(policy).items():
        if key in keys:
            tags.ever[key] += 1
            oldest = today - timedelta(days=days)
            tags.counted.append((key, day))
            tags.counted = [each for each in tags.counted if each[0] != key or each[1] > oldest]
    _weigh(event, tags, policy, day)


def _weigh(event: Event, tags: Tags, policy: Policy, day: date) -> None:
    category = _top_rule(policy, "category")
    if category is not None:
        if event.acts_as == "order.placed":
            items = event.fields.get("items") or []
            names: set[Any] = {item_told(item).get("category") for item in items}
            weight = category.get("purchase_weight", 5)
        else:
            names = {event.fields.get("category")} if event.type in BROWSE else set()
            weight = category.get("view_weight", 1)
        usable = [name for name in names if _is_usable(name)]
        tags.weights += [("category", name, weight, day) for name in usable]
    channel = event.fields.get("channel")
    if _top_rule(policy, "channel") is not None and channel is not None and _is_usable(channel):
        tags.weights.append(("channel", channel, 1, day))


@cache
def _growth(day: date, half_life_days: int) -> Fraction:
    """How much a weight of 1 on a day counts for, on the scale of 1970."""
    number = (day - _EPOCH).days
    with localcontext() as context:
        context.prec = 60
        step = floor(1024 * Decimal(2) ** (Decimal(number % half_life_days) / half_life_days))
    return step * Fraction(2) ** (number // half_life_days)


def _top(rule: Rule, customer: Customer, today: date) -> list[str]:
    half_life = rule.get("half_life_days", 30)
    totals: dict[str, Fraction] = {}
    for of, name, weight, day in customer.tags.weights:
        if of == rule["of"] and weight:
            totals[name] = totals.get(name, Fraction(0)) + weight * _growth(day, half_life)
    least = Fraction(str(rule.get("at_least", "0.5"))) * _growth(today, half_life)
    best = sorted(totals, key=lambda name: (-totals[name], name))[: rule.get("top", 3)]
    return [f"{rule['tag']}:{name}" for name in best if totals[name] >= least]


def _within(rule: Rule, value: Any) -> bool:
    low, high = rule.get("at_least"), rule.get("at_most")
    return (low is None or value >= Fraction(str(low))) and (
        high is None or value <= Fraction(str(high))
    )


def _age(rule: Rule, customer: Customer, today: date) -> list[str]:
    born = gregorian_birth_of(customer)
    if born is None or born > today:
        return []
    years = 0
    while _birthday(born, years + 1) <= today:
        years += 1
    edges = rule["bands"]
    if years < edges[0]:
        return [f"{rule['tag']}:under-{edges[0]}"]
    if years >= edges[-1]:
        return [f"{rule['tag']}:{edges[-1]}+"]
    for low, high in pairwise(edges):
        if low <= years < high:
            return [f"{rule['tag']}:{low}-{high - 1}"]
    raise AssertionError(years)


def _birthday(born: date, years: int) -> date:
    try:
        return born.replace(year=born.year + years)
    except ValueError:  # 29 February
        return date(born.year + years, 3, 1)


def _count(rule: Rule, customer: Customer, today: date) -> list[str]:
    keys = _keys(rule)
    if "days" in rule:
        oldest = today - timedelta(days=rule["days"])
        number = sum(key in keys and day > oldest for key, day in customer.tags.counted)
    else:
        number = sum(customer.tags.ever[key] for key in set(keys))
    return [rule["tag"]] if _within(rule, number) else []


def _orders(rule: Rule, customer: Customer, today: date, policy: Policy) -> list[str]:
    counted = customer.counted(policy)
    if rule["of"] == "ever":
        return [rule["tag"]] if _within(rule, len(counted)) else []
    oldest = today - timedelta(days=rule.get("days", policy.window_days))
    values = [order.value_minor for order in counted if order.in_reach and order.day > oldest]
    spend = Fraction(sum(values), 10**policy.digits)
    if rule["of"] == "average":
        holds = bool(values) and _within(rule, spend / len(values))
    else:
        holds = _within(rule, len(values) if rule["of"] == "count" else spend)
    return [rule["tag"]] if holds else []


def _order_share(rule: Rule, customer: Customer, today: date, policy: Policy) -> list[str]:
    oldest = today - timedelta(days=rule.get("days", policy.window_days))
    orders = hits = 0
    for order in customer.orders:
        if order.frozen or business_day(order.placed_at_ms, policy.timezone) <= oldest:
            continue
        if rule["of"] == "refunded":
            is_in = order.payment != "failed"
            hit = order.cancelled or order.has_refund
        else:
            is_in = order.counts(policy)
            if rule["of"] == "small":
                hit = order.amount_minor <= Fraction(str(rule["amount"])) * 10**policy.digits
            else:
                seconds = order.placed_at_ms // 1000
                hour = datetime.fromtimestamp(seconds, ZoneInfo(policy.timezone)).hour
                start, end = rule["hours"]
                over_midnight = [*range(start, 24), *range(end)]
                hit = hour in (over_midnight if start > end else range(start, end))
        orders += is_in
        hits += is_in and hit
    enough = orders >= rule.get("min_orders", 3)
    return [rule["tag"]] if enough and _within(rule, Fraction(hits, orders)) else []


def _measure(rule: Rule, customer: Customer, policy: Policy) -> list[str]:
    tickets = customer.open_tickets()
    found: Any
    if rule["of"] == "open_tickets":
        found = len(tickets)
    elif rule["of"] == "open_complaints":
        found = len([ticket for ticket in tickets if ticket.kind == "complaint"])
    else:
        survey, _, what = rule["of"].partition("_")
        count = 1 if what == "last" else policy.sections["satisfaction"].get("answers", 10)
        scores = last_scores(customer, survey, count)
        if not scores:
            return []
        found = Fraction(sum(scores), len(scores))
    return [rule["tag"]] if _within(rule, found) else []


def _of_rule(rule: Rule, customer: Customer, today: date, policy: Policy) -> list[str]:
    match rule["kind"]:
        case "attribute":
            value = customer.attribute(rule["of"])
            usable = _is_usable(value)
            listed = value in rule["values"] if rule.get("values") else True
            return [f"{rule['tag']}:{value}"] if usable and listed else []
        case "answer":
            told = churn_answer(customer)
            listed = told is not None and told[0] in rule.get("values", [told[0]])
            return [f"{rule['tag']}:{told[0]}"] if told is not None and listed else []
        case "age":
            return _age(rule, customer, today)
        case "count":
            return _count(rule, customer, today)
        case "orders":
            return _orders(rule, customer, today, policy)
        case "order_share":
            return _order_share(rule, customer, today, policy)
        case "top":
            return _top(rule, customer, today)
        case "measure":
            return _measure(rule, customer, policy)
    raise AssertionError(rule)


def look(
    customer: Customer,
    at_ms: int,
    policy: Policy,
    *,
    reason: str,
    caused_by: tuple[str, ...] = (),
    late: bool = False,
) -> list[dict[str, Any]]:
    """What changed of the tags, as it goes out; nothing without declared tags."""
    rules = policy.sections.get("tags")
    if rules is None:
        return []
    today = business_day(at_ms, policy.timezone)
    if customer.refuses_profiling:
        rules = [rule for rule in rules if rule["kind"] in _TOLD]
        customer.tags = Tags(customer.tags.since)
    true = {tag for rule in rules for tag in _of_rule(rule, customer, today, policy)}
    since = customer.tags.since
    added = sorted(true - since.keys())
    removed = sorted(since.keys() - true)
    if not added and not removed:
        return []
    gone = [{"tag": tag, "since": time_text(since.pop(tag))} for tag in removed]
    since.update(dict.fromkeys(added, at_ms))
    customer.sequence += 1
    return [
        {
            "type": "tags.changed",
            "customer_id": customer.customer_id,
            "sequence": customer.sequence,
            "effective_at": time_text(at_ms),
            "reason": reason,
            "late": late,
            "caused_by": list(caused_by),
            "added": [{"tag": tag, "since": time_text(at_ms)} for tag in added],
            "removed": gone,
            **marks(customer, at_ms, policy),
        }
    ]


def forget_by_policy(customer: Customer, former: Policy, policy: Policy, today: date) -> None:
    """What a new policy no longer asks for is forgotten."""
    tags = customer.tags
    if "tags" not in policy.sections:
        customer.tags = Tags()
        return
    windows = _windows(policy)
    tags.ever = Counter({key: count for key, count in tags.ever.items() if key in windows})
    tags.counted = [
        (key, day)
        for key, day in tags.counted
        if key in windows and day > today - timedelta(days=windows[key])
    ]
    for of in ("category", "channel"):
        old, new = _half_life(_top_rule(former, of)), _half_life(_top_rule(policy, of))
        if old is None or old != new:
            tags.weights = [each for each in tags.weights if each[0] != of]


def _half_life(rule: Rule | None) -> int | None:
    return None if rule is None else int(rule.get("half_life_days", 30))


def shown(customer: Customer, policy: Policy) -> list[dict[str, Any]] | None:
    if "tags" not in policy.sections:
        return None
    since = sorted(customer.tags.since.items())
    return [{"tag": tag, "since": time_text(at_ms)} for tag, at_ms in since]
