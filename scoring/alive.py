"""Whether a silent customer still buys: the MBG/NBD model, in exact decimal arithmetic.

Source: Batislam, Denizel and Filiztekin, "Empirical validation and comparison of models for
customer base analysis", International Journal of Research in Marketing 24 (2007). A customer with x
orders after the first, the last of them t after the first, is alive after a silence s with the
probability

    1 / (1 + a/(b+x) * ((alpha + (t+s)/U) / (alpha + t/U)) ** (r+x))

where r, alpha, a and b describe all customers and U is the unit of time. Every step has 40 digits
and is rounded half-even, so that every machine comes to the same millisecond.
"""

from __future__ import annotations

from decimal import (
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from functools import lru_cache

from scoring.calendar import DAY_MS
from scoring.policy import Probability

DIGITS = 40
_MOST_EXPONENT = 400_000_000
"""Far beyond what any policy comes to (`config.policy_dormancy`), on a machine of 32 bits too."""
_MOST_KEPT = 4_096
_ONE = Decimal(1)


class AliveRule:
    """The silences after which customers are alive with the probabilities of a policy."""

    def __init__(self, declared: Probability) -> None:
        self._context = Context(
            DIGITS,
            ROUND_HALF_EVEN,
            -_MOST_EXPONENT,
            _MOST_EXPONENT,
            traps=[InvalidOperation, DivisionByZero, Overflow],
        )
        self._r, self._alpha = Decimal(declared.r), Decimal(declared.alpha)
        self._a, self._b = Decimal(declared.a), Decimal(declared.b)
        self._unit_ms = Decimal(declared.unit_days * DAY_MS)
        self._levels = tuple(
            Decimal(text) for text in (declared.at_risk, declared.dormant, declared.churned)
        )
        self._min_ms = declared.min_days * DAY_MS
        self._max_ms = declared.max_days * DAY_MS
        self.silences = lru_cache(_MOST_KEPT)(self._silences)
        """As `_silences`, which takes a tenth of a millisecond; customers are looked at often."""

    def alive(self, repeats: int, span_ms: int, silence_ms: int) -> Decimal:
        """The probability that a customer is alive, to 40 digits.

        Args:
            repeats: orders after the first.
            span_ms: from the first to the last order.
            silence_ms: since the last order.
        """
        of = self._context
        later = of.add(self._alpha, of.divide(Decimal(span_ms + silence_ms), self._unit_ms))
        ratio = of.divide(later, self._scale(span_ms))
        power = of.exp(of.multiply(of.ln(ratio), of.add(self._r, Decimal(repeats))))
        odds = of.multiply(of.divide(self._a, of.add(self._b, Decimal(repeats))), power)
        return of.divide(_ONE, of.add(_ONE, odds))

    def _silences(self, repeats: int, span_ms: int) -> tuple[int, int, int]:
        """The milliseconds of silence until at risk, dormant and churned.

        Args:
            repeats: orders after the first.
            span_ms: from the first to the last order.
        """
        at_risk, dormant, churned = (
            self._silence(level, Decimal(repeats), span_ms) for level in self._levels
        )
        return at_risk, dormant, churned

    def _silence(self, level: Decimal, repeats: Decimal, span_ms: int) -> int:
        """The silence at which the probability falls to a level, within the bounds."""
        of = self._context
        odds = of.divide(of.subtract(_ONE, level), level)
        base = of.divide(of.multiply(odds, of.add(self._b, repeats)), self._a)
        root = of.divide(_ONE, of.add(self._r, repeats))
        power = of.exp(of.multiply(of.ln(base), root))
        units = of.subtract(of.multiply(self._scale(span_ms), power), self._alpha)
        since_first_ms = of.multiply(self._unit_ms, units)
        if since_first_ms >= span_ms + self._max_ms:
            return self._max_ms
        if since_first_ms < span_ms + self._min_ms:
            return self._min_ms
        return int(since_first_ms.to_integral_value(ROUND_FLOOR, of)) - span_ms

    def _scale(self, span_ms: int) -> Decimal:
        of = self._context
        return of.add(self._alpha, of.divide(Decimal(span_ms), self._unit_ms))
