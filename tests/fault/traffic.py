"""Records for the input topics, made from a seed and the time: good ones, and every way to be bad.

Times lie where things happen: orders are placed so that dormancy falls due within the run.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.fault.drafts import Draft, bad_drafts, odd_drafts
from tests.fault.families import Families
from tests.fault.policies import episode_traffic

_DAY_MS = 86_400_000
_REMEMBERED = 200
_OVERSIZED_BYTES = 300 * 1024
_SHARES = {
    "good": 70,
    "due": 8,
    "duplicate": 6,
    "other_key": 4,
    "conflict": 2,
    "odd": 2,
    "bad": 5,
    "family": 2,
    "erase": 0.6,
}
"""How often each sort of record comes, beside the others."""
_LEVELS = ("at_risk", "dormant", "churned")


class Traffic:
    """Makes drafts one after another.

    Args:
        seed: of everything but the time.
        policy: parsed TOML of the policy in force, for what falls due.
        began_ms: wall time of the episode's beginning.
        customers: how many there are.
    """

    def __init__(
        self, seed: int, policy: Mapping[str, Any], began_ms: int, customers: int = 60
    ) -> None:
        self.policy = policy
        self._random = Random(f"traffic {seed}")
        self._history = episode_traffic(seed).history(self._random, customers, days=1)
        self._sent: deque[Draft] = deque(maxlen=_REMEMBERED)
        rates = policy["currency_rates"]
        self._bad = bad_drafts(Random(f"bad {seed}"), began_ms, rates)
        self._odd = odd_drafts(Random(f"odd {seed}"), began_ms, rates)
        self._families = Families(self._random)
        self._count = 0

    @property
    def customers(self) -> list[str]:
        """Who is known so far."""
        return self._history._customers

    def next(self, now_ms: int) -> list[Draft]:
        """What comes at this time: mostly one record."""
        [sort] = self._random.choices(list(_SHARES), list(_SHARES.values()))
        if sort == "bad":
            return [next(self._bad)]
        if sort == "odd":
            return [next(self._odd)]
        if sort == "due":
            return self._note(self._falling_due(now_ms))
        if sort == "family":
            return self._note(self._families_meet(now_ms))
        if sort == "erase":
            customer = self._random.choice(self._history._customers)
            return self._note([self._event(now_ms, "customer.erased", customer)])
        if sort != "good" and self._sent:
            return [self._again(sort)]
        self._history._now = _instant(now_ms)
        event = self._history._event()
        return self._note([self._draft(event, "good")])

    def oversized(self, now_ms: int) -> Draft:
        """An order that is right but too large."""
        event = self._order(now_ms, f"huge{self._next()}") | {"comment": "x" * _OVERSIZED_BYTES}
        return replace(self._draft(event, "too_large"), reason="too_large")

    def bad(self) -> Draft:
        """A record that cannot be used."""
        return next(self._bad)

    def poison(self, partition: int) -> Draft:
        """A record without a key for the log itself, such as no worker writes."""
        value = self._random.choice(_POISON)
        return Draft("customer-events", value, None, "poison", partition=partition)

    def probes(self, now_ms: int) -> list[Draft]:
        """A harmless event of every customer known so far."""
        return [
            self._draft(
                {
                    "event_id": f"probe{self._next()}",
                    "type": "page.viewed",
                    "customer_id": customer,
                    "occurred_at": now_ms,
                },
                "probe",
            )
            for customer in self._history._customers
        ]

    def _again(self, sort: str) -> Draft:
        known = self._random.choice(self._sent)
        if sort == "duplicate":
            return replace(known, sort="duplicate")
        if sort == "other_key":
            return replace(known, sort="duplicate", key=f"k{self._random.randrange(50)}".encode())
        assert known.value is not None
        changed = json.loads(known.value) | {"note": f"changed {self._next()}"}
        return replace(known, sort="conflict", value=json.dumps(changed).encode())

    def _falling_due(self, now_ms: int) -> list[Draft]:
        """Orders whose customer reaches a level some seconds from now."""
        random = self._random
        dormancy = self.policy["dormancy"]
        level = random.choice(_LEVELS)
        due_ms = now_ms + random.randint(1_000, 25_000)
        if dormancy["mode"] == "cadence" and random.random() < 0.5:
            return self._by_cadence(due_ms, level)
        placed_ms = due_ms - int(dormancy[f"{level}_days"]) * _DAY_MS
        return [
            self._draft(self._order(placed_ms, random.choice(self._history._customers)), "late")
        ]

    def _by_cadence(self, due_ms: int, level: str) -> list[Draft]:
        """A new customer with just as many orders, at even gaps, as the cadence needs."""
        dormancy = self.policy["dormancy"]
        gap_ms = self._random.randint(2, 9) * _DAY_MS + self._random.randrange(_DAY_MS)
        cadence = dormancy["cadence"]
        threshold_ms = min(
            max(int(float(cadence[level]) * gap_ms), cadence["min_days"] * _DAY_MS),
            cadence["max_days"] * _DAY_MS,
        )
        customer = f"regular{self._next()}"
        self._history._customers.append(customer)
        count = int(dormancy["cadence_min_orders"])
        last_ms = due_ms - threshold_ms
        return [
            self._draft(self._order(last_ms - gap_ms * back, customer), "late")
            for back in reversed(range(count))
        ]

    def _families_meet(self, now_ms: int) -> list[Draft]:
        """Some ids of one person turn up, and those of another become one."""
        ids, told = self._families.next()
        self._history._customers += ids
        orders = [self._draft(self._order(now_ms, customer), "good") for customer in ids]
        return orders + [
            self._event(now_ms, kind, customer, **fields) for kind, customer, fields in told
        ]

    def _event(self, now_ms: int, kind: str, customer: str, **fields: str) -> Draft:
        event = {
            "event_id": f"told{self._next()}",
            "type": kind,
            "customer_id": customer,
            "occurred_at": now_ms,
            **fields,
        }
        return self._draft(event, "good")

    def _order(self, placed_ms: int, customer: str) -> dict[str, Any]:
        number = self._next()
        return {
            "event_id": f"due{number}",
            "type": "order.placed",
            "customer_id": customer,
            "occurred_at": placed_ms,
            "order_id": f"due-order{number}",
            "amount": str(self._random.randint(1, 300)),
            "currency": "USD",
            "payment_status": "paid",
        }

    def _draft(self, event: dict[str, Any], sort: str) -> Draft:
        roll = self._random.random()
        key: bytes | None = event["customer_id"].encode()
        if roll < 0.1:
            key = None
        elif roll < 0.2:
            key = f"session{self._random.randrange(9)}".encode()
        return Draft(_topic_of(event["type"]), json.dumps(event).encode(), key, sort)

    def _note(self, drafts: list[Draft]) -> list[Draft]:
        self._sent += drafts
        return drafts

    def _next(self) -> int:
        self._count += 1
        return self._count


_POISON = (
    b"",
    b"not json",
    b"\xff\xfe",
    b"[]",
    b"{}",
    b'{"type":"clock.tock","at":1}',
    b'{"type":"order.placed","event_id":"keyless","customer_id":"c1"}',
)


def _topic_of(kind: str) -> str:
    family = kind.partition(".")[0]
    if family == "order":
        return "orders"
    if family in ("ticket", "survey", "followup"):
        return "support"
    if family in ("profile", "consent", "customer", "activity", "points", "tier"):
        return "profiles"
    return "browse"


def _instant(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1_000, UTC)
