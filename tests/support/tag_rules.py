"""Random tag rules, of every kind, with small windows and low thresholds."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Rule = dict[str, Any]


def random_tags(random: Random, window_days: int, *, has_satisfaction: bool) -> list[Rule]:
    """Between one and eight rules, each with a name of its own; valid for the rest of a policy."""
    makers: list[Callable[[], Rule]] = [
        lambda: _age(random),
        lambda: _attribute(random),
        lambda: _count(random),
        lambda: _count(random),
        lambda: _count(random),
        lambda: _orders(random, window_days),
        lambda: _orders(random, window_days),
        lambda: _order_share(random, window_days),
        lambda: _order_share(random, window_days),
        lambda: _top(random, "category"),
        lambda: _top(random, "channel"),
        lambda: _measure(random, has_satisfaction=has_satisfaction),
        lambda: _measure(random, has_satisfaction=has_satisfaction),
    ]
    chosen = random.sample(makers, random.randint(1, 8))
    return [{"tag": f"t{place}", **make()} for place, make in enumerate(chosen)]


def _bounds(random: Random, low: int, high: int, unit: str = "") -> Rule:
    first, second = sorted((random.randint(low, high), random.randint(low, high)))
    bounds = {"at_least": f"{first}{unit}", "at_most": f"{second}{unit}"}
    wanted = random.choice((["at_least"], ["at_least"], ["at_most"], ["at_least", "at_most"]))
    return {name: bounds[name] for name in wanted}


def _age(random: Random) -> Rule:
    return {"kind": "age", "bands": sorted(random.sample(range(1, 60), random.randint(1, 4)))}


def _attribute(random: Random) -> Rule:
    rule: Rule = {"kind": "attribute", "of": random.choice(["region", "gender"])}
    if random.random() < 0.4:
        rule["values"] = ["r1", "r2", "f"]
    return rule


def _count(random: Random) -> Rule:
    events = ["browse", "link.clicked", "order.placed", "order.refunded", "ticket.opened"]
    rule: Rule = {"kind": "count", "events": random.sample(events, random.randint(1, 2))}
    if set(rule["events"]) == {"browse", "link.clicked"}:
        rule["events"] = ["browse"]
    if random.random() < 0.25:
        rule |= {"events": ["activity.recorded"]}
        if random.random() < 0.7:
            rule["activity"] = random.choice(["referral", "visit"])
    if random.random() < 0.75:
        rule["days"] = random.choice([1, 3, 10, 40])
    return rule | _bounds(random, 0, 4)


def _orders(random: Random, window_days: int) -> Rule:
    of = random.choice(["count", "spend", "average", "ever"])
    rule: Rule = {"kind": "orders", "of": of}
    if of != "ever" and random.random() < 0.7:
        rule["days"] = random.randint(1, window_days)
    if of in ("count", "ever"):
        return rule | _bounds(random, 0, 4)
    return rule | _bounds(random, 0, 400, ".50")


def _order_share(random: Random, window_days: int) -> Rule:
    rule: Rule = {
        "kind": "order_share",
        "of": random.choice(["small", "refunded", "hours"]),
        "min_orders": random.randint(1, 3),
    }
    if random.random() < 0.5:
        rule["days"] = random.randint(1, window_days)
    if rule["of"] == "small":
        rule["amount"] = "120.00"
    elif rule["of"] == "hours":
        start = random.randint(0, 23)
        rule["hours"] = [start, (start + random.randint(1, 23)) % 24]
    return rule | random.choice([{"at_least": "0.5"}, {"at_most": "0.25"}])


def _top(random: Random, of: str) -> Rule:
    rule: Rule = {
        "kind": "top",
        "of": of,
        "top": random.randint(1, 3),
        "half_life_days": random.choice([61, 90, 200]),
        "at_least": random.choice(["0.5", "1", "2.75"]),
    }
    if of == "category" and random.random() < 0.5:
        rule |= {"view_weight": random.randint(0, 2), "purchase_weight": random.randint(0, 9)}
    return rule


def _measure(random: Random, *, has_satisfaction: bool) -> Rule:
    measures = ["open_tickets", "open_complaints"]
    if has_satisfaction:
        measures += ["csat_last", "csat_mean", "nps_last", "nps_mean"]
    return {"kind": "measure", "of": random.choice(measures), **_bounds(random, 0, 6)}
