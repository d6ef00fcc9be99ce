"""What a backtest counts."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from handlers.state.tally import Tally


class Report(Struct):
    """What a backtest counted. `customers` is by (tier, stage)."""

    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    late: int = 0
    left_out: int = 0
    unmatched: int = 0
    is_log: bool = False
    final_ms: int | None = None
    customers: Counter[tuple[str, str]] = field(default_factory=Counter)
    tier_changes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    level_changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """Faults in handlers, by what could not be done."""
    no_events: int = 0
    """Lines that are no events at all: no JSON object, or one without a type that we know."""

    @property
    def has_no_events(self) -> bool:
        """Whether a file has lines, and none of them is an event."""
        return self.lines > 0 and self.no_events == self.lines and not self.is_log

    def add(self, tally: Tally) -> None:
        """Take over the counts of a partition."""
        self.accepted += tally.accepted.total()
        self.duplicates += tally.duplicates.total()
        self.unmatched += tally.unmatched
        self.customers.update(tally.population)
        self.tier_changes.update(tally.tier_changes)
        self.level_changes.update(tally.level_changes)

    def join(self, other: Report) -> None:
        """Add what was counted of other lines of the same file."""
        for name in self.__struct_fields__:
            own, theirs = getattr(self, name), getattr(other, name)
            if isinstance(own, Counter):
                own.update(theirs)
            elif name not in ("is_log", "final_ms"):
                setattr(self, name, own + theirs)
        self.final_ms = other.final_ms
