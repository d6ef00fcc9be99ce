"""Random histories for programmes of members and account managers, and the policies for them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.support.contact_policies import add_contact, add_tickets
from tests.support.member_histories import (
    add_member_keys,
    random_contact,
    random_lunar_profile,
    random_purposes,
)
from tests.support.shop_histories import ShopHistory, random_shop_policy

_CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "contract": [{"min": "5"}, {"max": "5"}, {"min": "0", "max": "12.5"}, {"present": True}],
    "credit": [{"in": ["A", "B"]}, {"not_in": ["C"]}, {"in": ["A", "C"], "not_in": ["C"]}],
    "size": [{"not_in": ["big"], "present": True}, {"min": "-0.5"}],
}
_DIMENSIONS: list[dict[str, Any]] = [
    {"name": "potential", "attribute": "contract", "cutoffs": ["-1", "0", "5", "12.5"]},
    {"name": "credit", "attribute": "credit", "values": {"A": 5, "B": 3, "D": 1}, "default": 2},
    {"name": "happy", "source": "satisfaction", "cutoffs": ["2", "2.5", "3.4", "4.75"]},
]


def random_practice_policy(random: Random, **choices: Any) -> dict[str, Any]:
    """A valid policy as parsed TOML that has some of the keys of practice."""
    policy = random_shop_policy(random, **choices)
    if random.random() < 0.6:
        _grade_beyond_orders(random, policy)
    if random.random() < 0.5:
        policy["override"] = {"approval": random.random() < 0.9}
    add_contact(random, policy)
    add_tickets(random, policy)
    add_member_keys(random, policy)
    return policy


def _grade_beyond_orders(random: Random, policy: dict[str, Any]) -> None:
    dimensions = []
    for one in random.sample(_DIMENSIONS, random.randint(0, 3)):
        weight: dict[str, Any] = random.choice([{}, {"weight": 2}, {"weight": "0.5"}])
        default: dict[str, Any] = random.choice([{}, {"default": random.randint(1, 5)}])
        dimensions.append({"source": "attribute", **one, **weight, **default})
    if dimensions:
        policy["dimensions"] = dimensions
    for tier in policy["tiers"][:-1]:
        if random.random() < 0.5:
            names = random.sample(sorted(_CONDITIONS), random.randint(1, 2))
            tier["attributes"] = {name: random.choice(_CONDITIONS[name]) for name in names}
        if dimensions and random.random() < 0.4:
            asked = random.sample(dimensions, random.randint(1, len(dimensions)))
            tier["min_dimensions"] = {one["name"]: random.randint(2, 4) for one in asked}


class PracticeHistory(ShopHistory):
    """As `ShopHistory`, with what account managers and members tell."""

    def __init__(
        self, random: Random, customers: int, days: float, *, merges: bool = False
    ) -> None:
        super().__init__(random, customers, days, merges=merges)
        self._kinds = self._kinds | _KINDS
        self._by_hand_told: list[tuple[str, str]] = []
        self._makers = {**self._makers, **_MAKERS}

    def _grade(self, _customer: str) -> dict[str, Any]:
        """What the conditions and the dimensions look at."""
        random = self._random
        told = {
            "contract": random.choice(["-1", 0, 4.99, "5", "5.0", 12.5, "90", "1e3", "much", ""]),
            "credit": random.choice(["A", "A", "B", "C", "a", "E", ""]),
            "size": random.choice(["big", "small", -0.5, "-1", ""]),
        }
        names = random.sample(sorted(told), random.randint(1, 3))
        return {"type": "profile.updated", "attributes": {name: told[name] for name in names}}

    def _by_hand(self, customer: str) -> dict[str, Any]:
        told = self._override(customer) | {"by": self._random.choice(["ann", "bob", "bob"])}
        if self._random.random() < 0.05:
            del told["by"]
        self._by_hand_told.append((customer, f"e{self._count}"))
        return told

    def _approval(self, customer: str) -> dict[str, Any]:
        random = self._random
        owner, given = customer, f"e{self._count + 1}"
        if self._by_hand_told:
            owner, given = random.choice(self._by_hand_told[-2:])
        return {
            "type": "tier.override_approved",
            "customer_id": owner,
            "override": given,
            "by": random.choice(["ann", "cleo", "cleo"]),
        }

    def _manager(self, _customer: str) -> dict[str, Any]:
        """Who looks after the customer."""
        names = ["eva", "eva", "bob", ""]
        told = {self._random.choice(["manager", "manager", "region"]): self._random.choice(names)}
        return {"type": "profile.updated", "attributes": told}

    def _of_ticket(self, customer: str) -> dict[str, Any]:
        """More answers than a shop gives, and openings that tell less."""
        told = self._new_ticket(customer)
        if self._random.random() < 0.25:
            return {"type": "ticket.responded", "ticket_id": told["ticket_id"]}
        for name in ("kind", "severity"):
            if self._random.random() < 0.3:
                told.pop(name, None)
        return told

    def _csat(self, _customer: str) -> dict[str, Any]:
        score = self._random.randint(1, 5)
        return {"type": "survey.answered", "survey": "csat", "score": score}

    def _contact(self, _customer: str) -> dict[str, Any]:
        return random_contact(self._random)

    def _lunar(self, _customer: str) -> dict[str, Any]:
        return random_lunar_profile(self._random, self._now)

    def _purposes(self, _customer: str) -> dict[str, Any]:
        return random_purposes(self._random)


_KINDS: dict[str, float] = {
    "grade": 10,
    "csat": 6,
    "override": 14,
    "approval": 24,
    "manager": 8,
    "followup": 6,
    "ticket": 40,
    "contact": 8,
    "lunar": 8,
    "purposes": 5,
}

_MAKERS: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "grade": PracticeHistory._grade,
    "csat": PracticeHistory._csat,
    "manager": PracticeHistory._manager,
    "ticket": PracticeHistory._of_ticket,
    "override": PracticeHistory._by_hand,
    "approval": PracticeHistory._approval,
    "contact": PracticeHistory._contact,
    "lunar": PracticeHistory._lunar,
    "purposes": PracticeHistory._purposes,
}
