"""Random histories of a few customers, made to meet at boundaries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.support.tag_rules import random_tags

_START = datetime(2023, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000
_TIMEZONES = (
    "UTC",
    "Asia/Shanghai",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)


def random_features(random: Random, window_days: int) -> dict[str, Any]:
    """Optional sections, each there or not."""
    features: dict[str, Any] = {}
    if random.random() < 0.6:
        features["points"] = _random_points(random)
    if random.random() < 0.6:
        features["care"] = _random_care(random)
    features |= _random_feelings(random)
    if random.random() < 0.7:
        features["tags"] = random_tags(
            random, window_days, has_satisfaction="satisfaction" in features
        )
    return features


def _random_feelings(random: Random) -> dict[str, Any]:
    declared: dict[str, Any] = {}
    if random.random() < 0.7:
        declared["satisfaction"] = {
            "answers": random.randint(1, 5),
            "resolutions": random.randint(1, 5),
        }
    if random.random() < 0.6:
        declared["health"] = {
            "recency": str(random.randint(1, 3)),
            "monetary": random.choice(["0", "0.5"]),
            "satisfaction": str(random.randint(0, 2)) if "satisfaction" in declared else "0",
            "complaint_cost": random.choice([0, 30, 100]),
        }
    if random.random() < 0.5:
        declared["holdout"] = {"share": random.choice(["0.5", "0.01"]), "salt": "s"}
    return declared


def _random_care(random: Random) -> dict[str, Any]:
    """Dates around the year, so that they meet the few months of a history."""

    def occasion() -> dict[str, Any]:
        found: dict[str, Any] = {"days_ahead": random.choice([0, 1, 7, 30])}
        if random.random() < 0.3:
            found["tiers"] = random.choice([["A"], ["B", "C"], ["C", "prospect"]])
        return found

    dates = ["02-29", "2023-07-04", "2024-02-10", *(f"{month:02d}-15" for month in range(1, 13))]
    declared = {
        "leap_day": random.choice(["02-28", "03-01"]),
        "birthday": {**occasion(), "action": "gift"},
        "anniversary": occasion(),
        "holidays": [
            {"name": name, "dates": random.sample(dates, random.randint(1, 3)), **occasion()}
            for name in ("spring", "harvest")
        ],
        "checkin": {
            "A": {"days": random.randint(1, 9), "action": "call"},
            "C": {"days": random.randint(5, 40)},
        },
        "profile_refresh": {"days": random.randint(3, 60)},
    }
    for name in random.sample(sorted(declared), random.randint(0, 3)):
        del declared[name]
    return declared


def _random_points(random: Random) -> dict[str, Any]:
    declared: dict[str, Any] = {
        "rate": random.choice(["1", "0.5", "0.333", "3"]),
        "rates": {"A": "2", "prospect": "1.25"} if random.random() < 0.7 else {},
        "min_amount": random.choice(["0", "0", "25.50"]),
        "activities": {
            "referral": {"points": 150, "in_all": random.randint(1, 3)},
            "visit": {"points": random.randint(1, 40), "per_day": 1},
        },
    }
    if random.random() < 0.8:
        declared["expire_after_days"] = random.choice([1, 7, 30, 90])
    return declared


def random_policy(
    random: Random,
    *,
    middle_tier: bool | None = None,
    windows_days: Sequence[int] = (5, 30, 90, 365),
) -> dict[str, Any]:
    """A valid policy as parsed TOML, with small windows so that much happens."""
    window_days = random.choice(windows_days)
    at_risk = random.randint(1, 40)
    dormant = at_risk + random.randint(0, 30)
    tiers: list[dict[str, Any]] = [
        {"name": "A", "min_score": random.randint(50, 90), "action": "serve"},
        {"name": "B", "min_score": random.randint(10, 50)},
    ]
    extras: list[dict[str, Any]] = [
        {},
        {"min_r": 3},
        {"min_f": 2},
        {"min_m": 3},
        {"min_frequency": 3},
        {"min_monetary": "120"},
        {"max_recency_days": 45},
    ]
    tiers[0].update(random.choice(extras))
    if random.random() < 0.4 if middle_tier is None else middle_tier:
        tiers.insert(1, {"name": "A2", "min_frequency": 2, "max_recency_days": 50})
    tiers.append({"name": "C", "action": "nurture"})
    return {
        "version": f"p{random.randint(1, 9)}",
        "timezone": random.choice(_TIMEZONES),
        "currency": "USD",
        "window_days": window_days,
        "count_orders": random.choice(["placed", "placed", "paid"]),
        "loyal_min_orders": random.randint(1, 4),
        "currency_rates": {"EUR": "1.085", "JPY": "0.0066", "KWD": "3.25"},
        "cutoffs": {
            "recency_days": sorted(random.sample(range(120), 4)),
            "frequency": sorted(random.choices(range(1, 8), k=4)),
            "monetary": [str(v) for v in sorted(random.sample(range(5, 900), 4))],
        },
        "weights": {
            "recency": random.randint(0, 3),
            "frequency": random.randint(0, 3),
            "monetary": random.randint(1, 3),
        },
        "tiers": tiers,
        "movement": {
            "grace_days": random.choice([0, 1, 7, 30]),
            "soft_landing": random.random() < 0.5,
        },
        "dormancy": {
            "mode": random.choice(["fixed", "cadence"]),
            "at_risk_days": at_risk,
            "dormant_days": dormant,
            "churned_days": random.randint(1, 80),
            "cadence_min_orders": random.randint(2, 4),
            "cadence": {
                "at_risk": "1.5",
                "dormant": "3",
                "churned": "3.7",
                "min_days": random.randint(1, 10),
                "max_days": random.randint(11, 80),
            },
        },
        **random_features(random, window_days),
    }


class History:
    """Makes records one after another; remembers what it made, to come back to it.

    With `merges` customers are merged: into each other, into strangers, into the erased, in chains
    and circles, at once and again; and what is told of one id comes under another too.
    """

    def __init__(
        self, random: Random, customers: int, days: float, *, merges: bool = False
    ) -> None:
        self._random = random
        self._customers = [f"c{number}" for number in range(customers)]
        self._strangers = ["n0", "n1"] if merges else []
        self._kinds = kinds_of(merges=merges)
        self._makers: Mapping[str, Callable[[Any, str], dict[str, Any]]] = _MAKERS
        self._now = _START + timedelta(days=random.randint(0, 300))
        self._step = timedelta(days=days) / 150
        self._orders: list[tuple[str, str, str, str]] = []
        self._made: list[bytes] = []
        self._count = 0

    def lines(self, count: int) -> list[bytes]:
        """So many records, in order of arrival."""
        return [self._line() for _ in range(count)]

    def _line(self) -> bytes:
        random = self._random
        if self._made and random.random() < 0.05:
            return random.choice(self._made)
        if random.random() < 0.02:
            return random.choice([b"not json", b'{"type":"order.placed"}', b"[]", b'{"a":NaN}'])
        self._now += random.random() * 2 * self._step
        line = json.dumps(self._event()).encode()
        self._made.append(line)
        return line

    def _event(self) -> dict[str, Any]:
        random = self._random
        self._count += 1
        number = self._count if random.random() > 0.01 else random.randint(1, self._count)
        customer = self._somebody()
        event: dict[str, Any] = {
            "event_id": f"e{number}",
            "customer_id": customer,
            "occurred_at": self._time(),
        }
        if random.random() < 0.3:
            event["channel"] = random.choice(["app", "web", "shop", ""])
        [kind] = random.choices(list(self._kinds), list(self._kinds.values()))
        event.update(self._makers[kind](self, customer))
        return event

    def _somebody(self) -> str:
        """One of the customers, rarely one who may be nobody yet."""
        random = self._random
        if self._strangers and random.random() < 0.05:
            return random.choice(self._strangers)
        return random.choice(self._customers)

    def _told_of(self, owner: str) -> str:
        """Whose id a word about something of the owner comes under."""
        if self._strangers and self._random.random() < 0.25:
            return self._somebody()
        return owner

    def _time(self) -> Any:
        """Mostly now, sometimes late, sometimes on the dot of a day or of a threshold."""
        random = self._random
        at = self._now
        roll = random.random()
        if roll < 0.15:
            at -= timedelta(days=random.choice([0.01, 1, 10, 40, 400]) * random.random())
        elif roll < 0.25:
            at = at.replace(hour=0, minute=0, second=0, microsecond=0)
        elif roll < 0.35:
            at = at.replace(minute=0, second=0, microsecond=0)
        if random.random() < 0.3:
            return int(at.timestamp() * 1000)
        return at.isoformat(timespec="milliseconds")

    def _order(self, customer: str) -> dict[str, Any]:
        random = self._random
        if self._orders and random.random() < 0.1:
            order = random.choice(self._orders)
            owner, order_id, amount, currency = order
            told: dict[str, Any] = {
                "type": "order.placed",
                "customer_id": self._told_of(owner),
                "order_id": order_id,
                "amount": amount if random.random() < 0.8 else "77",
                "currency": currency,
            }
            if random.random() < 0.7:
                told["payment_status"] = random.choice(["pending", "paid", "failed"])
            return told
        currency = random.choices(["USD", "EUR", "JPY", "KWD", "GBP"], [80, 8, 6, 4, 2])[0]
        amount = str(random.randint(0, 400))
        if currency in ("USD", "EUR") and random.random() < 0.5:
            amount += f".{random.randint(0, 99):02d}"
        if random.random() < 0.05:
            amount = "0"
        order_id = f"o{self._count}" if random.random() > 0.03 else f"o{random.randint(1, 40)}"
        self._orders.append((customer, order_id, amount, currency))
        placed: dict[str, Any] = {
            "type": "order.placed",
            "order_id": order_id,
            "amount": amount
            if random.random() < 0.8
            else float(amount)
            if "." in amount
            else int(amount),
            "currency": currency,
        }
        if random.random() < 0.5:
            names = random.choices(["shoes", "hats", "toys", None], k=random.randint(0, 3))
            placed["items"] = [{"sku": "s", "category": name} for name in names]
        if random.random() < 0.4:
            placed["payment_status"] = random.choice(["pending", "paid", "paid", "failed"])
        return placed

    def _known_order(self, customer: str) -> tuple[str, str, str]:
        """An order of somebody, or one that is not there yet."""
        random = self._random
        if self._orders and random.random() < 0.85:
            owner, order_id, amount, _ = random.choice(self._orders[-30:])
            return self._told_of(owner), order_id, amount
        return customer, f"o{self._count + random.randint(1, 12)}", "50"

    def _change(self, customer: str) -> dict[str, Any]:
        kinds = ["order.paid", "order.paid", "order.cancelled", "order.payment_failed"]
        owner, order_id, _ = self._known_order(customer)
        return {
            "type": self._random.choice(kinds),
            "customer_id": owner,
            "order_id": order_id,
        }

    def _refund(self, customer: str) -> dict[str, Any]:
        random = self._random
        owner, order_id, amount = self._known_order(customer)
        return {
            "type": "order.refunded",
            "customer_id": owner,
            "order_id": order_id,
            "refund_id": f"r{random.randint(1, 5)}",
            "amount": amount if random.random() < 0.5 else str(random.randint(0, 60)),
        }

    def _browse(self, _customer: str) -> dict[str, Any]:
        random = self._random
        event = {"type": random.choice(["page.viewed", "cart.updated", "link.clicked"])}
        if random.random() < 0.7:
            event["category"] = random.choice(["shoes", "hats", "books", "", "x" * 65])
        return event

    def _ticket(self, _customer: str) -> dict[str, Any]:
        random = self._random
        kind = random.choice(
            ["ticket.opened", "ticket.opened", "ticket.resolved", "ticket.reopened"]
        )
        event: dict[str, Any] = {"type": kind, "ticket_id": f"t{random.randint(1, 6)}"}
        if kind == "ticket.opened":
            event["kind"] = random.choice(["complaint", "question"])
            event["severity"] = random.randint(0, 5)
        return event

    def _survey(self, _customer: str) -> dict[str, Any]:
        survey = self._random.choice(["csat", "nps"])
        return {"type": "survey.answered", "survey": survey, "score": self._random.randint(0, 10)}

    def _consent(self, _customer: str) -> dict[str, Any]:
        return {"type": "consent.changed", "marketing": self._random.random() < 0.5}

    def _profile(self, _customer: str) -> dict[str, Any]:
        random = self._random
        attributes = {"region": f"r{random.randint(1, 4)}"}
        if random.random() < 0.4:
            attributes["gender"] = random.choice(["f", "m", "", "x" * 70])
        if random.random() < 0.6:
            near = self._now + timedelta(days=random.randint(-20, 60))
            born = f"{random.randint(1960, 2024)}-{near:%m-%d}"
            attributes["birth_date"] = random.choice(
                [born.replace("02-29", "02-28"), "1992-02-29", "2000-02-29", ""]
            )
        return {"type": "profile.updated", "attributes": attributes if self._count % 9 else {}}

    def _activity(self, _customer: str) -> dict[str, Any]:
        name = self._random.choice(["referral", "visit", "visit", "nobody asked"])
        return {"type": "activity.recorded", "activity": name}

    def _redemption(self, _customer: str) -> dict[str, Any]:
        random = self._random
        return {
            "type": "points.redeemed",
            "redemption_id": f"p{self._count if random.random() < 0.7 else random.randint(1, 40)}",
            "points": random.choice([1, 10, 50, 50, 200, 500]),
        }

    def _erase(self, _customer: str) -> dict[str, Any]:
        return {"type": "customer.erased"}

    def _merge(self, _customer: str) -> dict[str, Any]:
        """Into anybody, also oneself, also back to where one came from."""
        return {"type": "customer.merged", "into": self._somebody()}


_KINDS: dict[str, float] = {
    "order": 40,
    "change": 20,
    "refund": 12,
    "browse": 20,
    "ticket": 6,
    "survey": 3,
    "consent": 2,
    "profile": 5,
    "activity": 4,
    "redemption": 5,
    "erase": 0.3,
}
_KINDS_WITH_MERGES: dict[str, float] = {
    "ticket": 12,
    "survey": 6,
    "consent": 6,
    "profile": 10,
    "activity": 8,
    "redemption": 8,
    "merge": 3,
}


def kinds_of(*, merges: bool) -> dict[str, float]:
    """How often each kind of event comes, beside the others."""
    return _KINDS | (_KINDS_WITH_MERGES if merges else {})


_MAKERS: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "order": History._order,
    "change": History._change,
    "refund": History._refund,
    "browse": History._browse,
    "ticket": History._ticket,
    "survey": History._survey,
    "consent": History._consent,
    "profile": History._profile,
    "activity": History._activity,
    "redemption": History._redemption,
    "erase": History._erase,
    "merge": History._merge,
}
