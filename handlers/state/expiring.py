"""What a customer was told, and will be told, of falls in tier that lie ahead."""

from __future__ import annotations

from msgspec import Struct, field

MAX_FALLS_TOLD = 16


class Expiring(Struct, array_like=True):
    """The warnings of falls: those that went out, and the next one."""

    told: list[tuple[str, int]] = field(default_factory=list)
    """Tier and business day of the falls told of, latest told last; past ones are forgotten."""
    tier: str = ""
    day: int = 0
    """The business day of the fall to be told of next, and the tier it is from."""
    at_ms: int | None = None
    """When that is told; None if nothing is to be told."""

    def plan(self, tier: str, day: int, at_ms: int | None) -> None:
        """Set which fall is told of next, and when."""
        self.tier, self.day, self.at_ms = tier, day, at_ms

    def note_told(self, today: int) -> None:
        """The fall that was to be told of next has been."""
        ahead = [one for one in self.told if one[1] >= today]
        self.told = [*ahead, (self.tier, self.day)][-MAX_FALLS_TOLD:]
        self.at_ms = None

    def join(self, other: Expiring) -> None:
        """Add what a customer was told who was merged into this one."""
        news = [one for one in other.told if one not in self.told]
        self.told = sorted([*self.told, *news], key=lambda one: one[1])[-MAX_FALLS_TOLD:]
