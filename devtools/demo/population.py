"""Where each customer stands, by the newest profile of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MAX_CUSTOMERS = 200_000
"""Customers whose tier and stage are kept here; further ones are only counted."""


@dataclass(slots=True)
class Population:
    """Customers by tier and by stage; `left_out` are profiles beyond the limit."""

    by_tier: Counter[str] = field(default_factory=Counter)
    by_stage: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    _places: dict[bytes, tuple[str, str]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Customers whose place is known."""
        return len(self._places)

    def place(self, customer: bytes, tier: str, stage: str) -> None:
        """The customer's newest profile says so."""
        if customer not in self._places and len(self._places) >= MAX_CUSTOMERS:
            self.left_out += 1
            return
        self.remove(customer)
        self._places[customer] = tier, stage
        self.by_tier[tier] += 1
        self.by_stage[stage] += 1

    def remove(self, customer: bytes) -> None:
        """The customer was erased; harmless for one who is not known."""
        before = self._places.pop(customer, None)
        if before is not None:
            tier, stage = before
            self.by_tier[tier] -= 1
            self.by_stage[stage] -= 1
