"""Random choices from one seeded source, in the words the generators use."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Draws(random.Random):
    """`random.Random` with the few draws that traffic needs."""

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """One of the choices, each as likely as the other."""
        return choices[int(self.random() * len(choices))]

    def between(self, low: int, high: int) -> int:
        """A whole number, `low` ≤ it < `high`, each as likely as the other."""
        return low + int(self.random() * (high - low))

    def wait_ms(self, mean_ms: float) -> int:
        """How long until something without memory happens (exponential), at least 1 ms."""
        return max(1, int(self.expovariate(1.0) * mean_ms))


def draws_for(seed: int, part: int) -> Draws:
    """A source for one part (a purchase, a customer) that no other part's draws can shift."""
    return Draws((seed << 40) + part)
