"""What a partition counts; a module of its own, since one that defines a struct is not compiled."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field


class Tally(Struct):
    """Counts by labels since they were last read; the worker adds them to its metrics."""

    accepted: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    tier_changes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    level_changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    population: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Change in the number of customers by (tier, stage)."""
    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Answers to surveys by (survey, tier, score)."""
    churn_answers: Counter[str] = field(default_factory=Counter)
    """Why customers left, by their answer."""
    points: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Points moved by (cause, `up` or `down`), redemptions refused not among them."""
    reminders: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Reminders by (type, the reason of `suppressed`, or an empty text)."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Values in the lines of orders that cannot be used, by type of event."""
    refused_attributes: Counter[str] = field(default_factory=Counter)
    """Attributes that cannot be used, by name; further ones as `other`."""
    suppressed: Counter[str] = field(default_factory=Counter)
    """Outputs that are not to be acted on, by the reason of `suppressed`."""
    erased: Counter[str] = field(default_factory=Counter)
    """Customers erased, by cause: `request` or `retention`."""
    merges: Counter[str] = field(default_factory=Counter)
    """Customers `joined`, merges `refused`, and events `followed` (forwarded)."""
    unmatched: int = 0
    due: int = 0
    skipped: int = 0
