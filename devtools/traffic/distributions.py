"""Random draws, and the hours and weekdays at which customers are active.

Activity is a Poisson process whose rate follows the week. By the time-rescaling theorem such a
process is one of constant rate on another clock, which runs fast when people are active: waits are
drawn on that clock and then read on the wall (Brown et al., "The time-rescaling theorem and its
application to neural spike train data analysis", Neural Computation 14, 2002).
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
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
        """An exponentially distributed wait, at least 1 ms."""
        return max(1, int(self.expovariate(1.0) * mean_ms))


def draws_for(seed: int, part: int) -> Draws:
    """Draws for one part (a purchase, a customer), independent of those for other parts."""
    return Draws((seed << 40) + part)


_BY_HOUR = (2, 1, 1, 1, 1, 2, 4, 6, 8, 10, 11, 12, 13, 12, 11, 11, 12, 13, 15, 18, 20, 18, 12, 6)
_BY_WEEKDAY = (10, 9, 9, 10, 11, 13, 13)  # Monday first
_WEEK_HOURS = 7 * 24
_WEEK_MS = _WEEK_HOURS * HOUR_MS
# 1970-01-01 was a Thursday; this is the first Monday after it.
_FIRST_MONDAY_MS = 4 * DAY_MS

_WEIGHTS = [day * hour for day in _BY_WEEKDAY for hour in _BY_HOUR]
_TOTAL_WEIGHT = sum(_WEIGHTS)
_ACTIVE_AT_HOUR = [0, *accumulate(weight * _WEEK_MS // _TOTAL_WEIGHT for weight in _WEIGHTS)]
_ACTIVE_WEEK_MS = _ACTIVE_AT_HOUR[-1]


def active_ms(instant_ms: int) -> int:
    """How far the clock of activity has run at an instant (epoch ms, UTC)."""
    week, rest_ms = divmod(instant_ms - _FIRST_MONDAY_MS, _WEEK_MS)
    hour, part_ms = divmod(rest_ms, HOUR_MS)
    begun, ended = _ACTIVE_AT_HOUR[hour], _ACTIVE_AT_HOUR[hour + 1]
    return week * _ACTIVE_WEEK_MS + begun + part_ms * (ended - begun) // HOUR_MS


def instant_of_active(active: int) -> int:
    """The instant (epoch ms, UTC) at which the clock of activity shows `active`."""
    week, rest = divmod(active, _ACTIVE_WEEK_MS)
    hour = bisect_right(_ACTIVE_AT_HOUR, rest) - 1
    begun, ended = _ACTIVE_AT_HOUR[hour], _ACTIVE_AT_HOUR[hour + 1]
    part_ms = (rest - begun) * HOUR_MS // (ended - begun)
    return _FIRST_MONDAY_MS + week * _WEEK_MS + hour * HOUR_MS + part_ms


def after_active_wait(instant_ms: int, wait_ms: int) -> int:
    """The instant when, after `instant_ms`, `wait_ms` of activity have gone by; never before it."""
    return max(instant_ms, instant_of_active(active_ms(instant_ms) + wait_ms))
