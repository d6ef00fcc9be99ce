"""Random histories with what shops really send: edits, returns, words by hand, bad values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from scoring.timestamps import rfc3339
from tests.support.histories import History, kinds_of, random_policy


def random_shop_policy(random: Random, **choices: Any) -> dict[str, Any]:
    """As `random_policy`, with some of the newer keys."""
    policy = random_policy(random, **choices)
    policy["consent"] = random.choice(["opt_out", "opt_out", "opt_in"])
    policy["amounts"] = random.choice(["required", "optional"])
    movement, tiers = policy["movement"], policy["tiers"]
    if random.random() < 0.5:
        movement["hold_days"] = random.choice([0, 1, 5, 20, 60])
    if random.random() < 0.7:
        movement["warn_days"] = random.choice([1, 3, 7, 14, 30])
    ever: list[dict[str, Any]] = [
        {},
        {"min_orders_ever": random.randint(1, 6)},
        {"min_spend_ever": f"{random.randint(0, 900)}.50"},
        {"min_orders_ever": 2, "min_spend_ever": "75"},
    ]
    tiers[0].update(random.choice(ever))
    if random.random() < 0.3:
        tiers[1].update(random.choice(ever))
    for tier in tiers:
        if random.random() < 0.4:
            tier["action_down"] = "keep_in_touch"
    if "tags" in policy and random.random() < 0.6:
        why = {"tag": "why", "kind": "answer", "survey": "churn"}
        policy["tags"].append(why | random.choice([{}, {"values": ["price", "moved"]}]))
    if "points" in policy:
        policy["points"] |= _points_keys(random)
    if random.random() < 0.5:
        policy.setdefault("care", {})["surveys"] = _surveys(random, policy["window_days"])
    if random.random() < 0.4:
        policy["dormancy"] |= _probability(random)
    return policy


def _points_keys(random: Random) -> dict[str, Any]:
    """Points for each full amount, and a word before they expire."""
    found: dict[str, Any] = {}
    if random.random() < 0.6:
        found |= {"warn_days": random.choice([1, 3, 20])}
        if random.random() < 0.5:
            found["warn_action"] = "spend_them"
    if random.random() < 0.4:
        found |= {"per": random.choice(["10", "0.75", "90"]), "rate": "2", "rates": {"A": "3"}}
    if random.random() < 0.3:
        found |= {"pers": {"A": "7.50", "prospect": "20"}, "rates": {}}
    return found


def _surveys(random: Random, window_days: int) -> dict[str, Any]:
    rest = random.choice([1, 3, 10])
    found: dict[str, Any] = {
        "rest_days": rest,
        "after_ticket": {"days": random.choice([1, 2, 5]), "action": "ask"},
        "after_order": {"days": random.randint(1, min(10, window_days - 1)), "survey": "nps"},
        "cadence": {"A": {"days": rest + random.randint(0, 9)}, "prospect": {"days": 30}},
    }
    if random.random() < 0.4:
        found["after_order"]["tiers"] = ["A", "B"]
    for name in random.sample(["after_ticket", "after_order", "cadence"], random.randint(0, 2)):
        del found[name]
    return found


def _probability(random: Random) -> dict[str, Any]:
    levels = sorted(random.sample(["0.9", "0.75", "0.5", "0.4", "0.2", "0.05"], 3), reverse=True)
    least = random.randint(1, 10)
    return {
        "mode": "probability",
        "probability_min_orders": random.randint(1, 3),
        "probability": {
            "r": random.choice(["0.243", "1", "0.9"]),
            "alpha": random.choice(["4.414", "0.5", "12"]),
            "a": random.choice(["0.793", "2", "0.1"]),
            "b": random.choice(["2.426", "1", "7.25"]),
            "unit_days": random.choice([1, 7]),
            **dict(zip(("at_risk", "dormant", "churned"), levels, strict=True)),
            "min_days": least,
            "max_days": least + random.randint(0, 90),
        },
    }


class ShopHistory(History):
    """As `History`, with everything else that may be told of a customer."""

    def __init__(
        self, random: Random, customers: int, days: float, *, merges: bool = False
    ) -> None:
        super().__init__(random, customers, days, merges=merges)
        self._kinds = kinds_of(merges=merges) | _KINDS
        self._makers = {**self._makers, **_MAKERS}
        self._times: list[Any] = []
        self._refunds: list[tuple[str, str, str]] = []

    def _time(self) -> Any:
        """Now and then the very time of another event."""
        if self._times and self._random.random() < 0.06:
            return self._random.choice(self._times[-8:])
        self._times.append(super()._time())
        return self._times[-1]

    def _amount_near(self, amount: str) -> str:
        """The amount itself, a part of it to the cent, or something else."""
        random = self._random
        cents = round(float(amount) * 100)
        found = random.choice([cents, cents, cents // 2, cents + 1, 2 * cents, 0, 2_550])
        if "." not in amount and random.random() < 0.6:
            return str(found // 100)
        return f"{found // 100}.{found % 100:02d}"

    def _currency(self) -> dict[str, Any]:
        """Mostly none."""
        names = [None, "USD", "EUR", "JPY", "KWD", "GBP"]
        name = self._random.choices(names, [70, 18, 5, 3, 2, 2])[0]
        return {} if name is None else {"currency": name}

    def _new_order(self, customer: str) -> dict[str, Any]:
        told = self._order(customer)
        roll = self._random.random()
        if roll < 0.04:
            del told["amount"]
        elif roll < 0.07:
            told["amount"] = self._random.choice(["-1", "1e3", "+5", "7.12345", "", "ten"])
        if "items" in told and roll > 0.6:
            lines = [{"quantity": "2", "unit_price": 3}, "no line", {"category": 5}, {}]
            told["items"] = [*told["items"], *lines]
        return told

    def _edit(self, customer: str) -> dict[str, Any]:
        owner, order_id, amount = self._known_order(customer)
        return {
            "type": "order.updated",
            "customer_id": owner,
            "order_id": order_id,
            "amount": self._amount_near(amount),
            **self._currency(),
        }

    def _new_refund(self, customer: str) -> dict[str, Any]:
        random = self._random
        owner, order_id, amount = self._known_order(customer)
        refund_id = f"r{random.randint(1, 5)}"
        told = {
            "type": "order.refunded",
            "customer_id": owner,
            "order_id": order_id,
            "refund_id": refund_id,
            "amount": self._amount_near(amount),
            **self._currency(),
        }
        if random.random() < 0.04:
            told["amount"] = random.choice(["1.005", "2.12345", "-3"])
        self._refunds.append((owner, order_id, refund_id))
        if random.random() < 0.3:
            del told["order_id"]
            told["refund_id"] = f"s{random.randint(1, 30)}"
        return told

    def _refund_cancelled(self, customer: str) -> dict[str, Any]:
        random = self._random
        if self._refunds and random.random() < 0.8:
            owner, order_id, refund_id = random.choice(self._refunds[-20:])
            owner = self._told_of(owner)
        else:
            owner, order_id, _ = self._known_order(customer)
            refund_id = f"r{random.randint(1, 5)}"
        return {
            "type": "order.refund_cancelled",
            "customer_id": owner,
            "order_id": order_id,
            "refund_id": refund_id,
        }

    def _override(self, _customer: str) -> dict[str, Any]:
        random = self._random
        if random.random() < 0.2:
            return {"type": "tier.overridden", "tier": None, "until": 5}
        until = self._now + timedelta(days=random.choice([-1, 0.2, 3, 10, 30, 90]))
        if random.random() < 0.3:
            until = until.replace(hour=0, minute=0, second=0, microsecond=0)
        told: dict[str, Any] = {
            "type": "tier.overridden",
            "tier": random.choices(["A", "B", "C", "A2", "prospect"], [5, 5, 3, 2, 0.2])[0],
            "until": rfc3339(int(until.timestamp() * 1_000)),
        }
        if random.random() < 0.5:
            told["mode"] = random.choice(
                ["floor", "ceiling", "fixed", "other"][: 3 + (until.hour < 1)]
            )
        if random.random() < 0.5:
            told |= {"by": "ann", "note": "asked for it"}
        return told

    def _new_consent(self, _customer: str) -> dict[str, Any]:
        random = self._random
        told: dict[str, Any] = {"type": "consent.changed"}
        if random.random() < 0.6:
            told["marketing"] = random.random() < 0.6
        if random.random() < 0.6:
            names = random.sample(["email", "sms", "push", "post"], random.randint(0, 3))
            told["channels"] = {name: random.random() < 0.6 for name in names}
        if random.random() < 0.3:
            names = random.sample(["profiling", "profiling", "research"], random.randint(1, 2))
            told["purposes"] = {name: random.random() < 0.5 for name in names}
        if random.random() < 0.04:
            told["channels"] = {f"way {n}": True for n in range(random.choice([13, 16, 17]))}
        return told

    def _new_profile(self, customer: str) -> dict[str, Any]:
        random = self._random
        told = self._profile(customer)
        odd = {
            "region": random.choice([3, 2.50, True, ["r1"], {"a": 1}, None, 10**41]),
            "birth_date": random.choice(["1990-02-30", "soon", 19900101, ""]),
            "registered_at": random.choice(["2020-01-01", "yesterday", "2020-01-01T00:00:00Z"]),
            "size": random.choice([-0.0, 1e3, 12.340, False, "x" * 1_025]),
        }
        for name in random.sample(sorted(odd), random.choice([0, 0, 1, 2])):
            told["attributes"] = {**told["attributes"], name: odd[name]}
        return told

    def _followup(self, _customer: str) -> dict[str, Any]:
        random = self._random
        on = self._now + timedelta(days=random.choice([-30, -1, 0, 1, 2, 10, 40]))
        dates = [f"{on:%Y-%m-%d}", f"{on:%Y-%m-%d}", f"{on:%Y-%m-%d}", None, "2023-02-30", "soon"]
        told: dict[str, Any] = {
            "type": "followup.scheduled",
            "followup_id": f"f{random.randint(1, 4)}",
            "on": random.choices(dates, [30, 30, 30, 20, 2, 2])[0],
        }
        if random.random() < 0.4:
            told |= {"by": "ann", "note": random.choice(["", "call", "n" * 129])}
        return told

    def _new_survey(self, customer: str) -> dict[str, Any]:
        if self._random.random() < 0.5:
            return self._survey(customer)
        answers = ["price", "moved", "service", "", "x" * 65]
        answer = self._random.choices(answers, [10, 10, 10, 1, 1])[0]
        return {"type": "survey.answered", "survey": "churn", "answer": answer}

    def _new_ticket(self, customer: str) -> dict[str, Any]:
        told = self._ticket(customer)
        if self._random.random() < 0.2:
            return {"type": "ticket.responded", "ticket_id": told["ticket_id"]}
        return told

    def _points(self, _customer: str) -> dict[str, Any]:
        points = self._random.choice([-500, -60, -1, 0, 1, 40, 40, 300])
        return {"type": "points.adjusted", "points": points, "reason": "goodwill"}

    def _few_redemptions(self, customer: str) -> dict[str, Any]:
        told = self._redemption(customer)
        told["redemption_id"] = f"p{self._random.randint(1, 12)}"
        if self._random.random() < 0.35:
            return {
                "type": "points.redemption_cancelled",
                "redemption_id": told["redemption_id"],
            }
        return told


_KINDS: dict[str, float] = {
    "order": 38,
    "edit": 8,
    "refund": 14,
    "refund_cancelled": 5,
    "override": 4,
    "consent": 4,
    "profile": 5,
    "followup": 3,
    "survey": 5,
    "ticket": 9,
    "points": 3,
    "redemption": 9,
}

_MAKERS: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "order": ShopHistory._new_order,
    "edit": ShopHistory._edit,
    "refund": ShopHistory._new_refund,
    "refund_cancelled": ShopHistory._refund_cancelled,
    "override": ShopHistory._override,
    "consent": ShopHistory._new_consent,
    "profile": ShopHistory._new_profile,
    "followup": ShopHistory._followup,
    "survey": ShopHistory._new_survey,
    "ticket": ShopHistory._new_ticket,
    "points": ShopHistory._points,
    "redemption": ShopHistory._few_redemptions,
}
