"""The feed of the view: the newest changes, at a pace at which people can read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

_LINES = 40


class NewsLine(NamedTuple):
    """A change in words; `kind` says which colour it has and what it competes with."""

    at: str
    kind: str
    text: str


@dataclass(slots=True)
class News:
    """The lines shown, and of every kind the newest one that waits to be shown.

    Changes come by the thousand in a second, so most are never shown. A kind keeps its place in
    the queue when its line is replaced by a newer one: rare kinds get their turn too.
    """

    shown: deque[NewsLine] = field(default_factory=lambda: deque(maxlen=_LINES))
    newest_at: str = ""
    """When the newest change took effect (RFC 3339)."""
    _waiting: dict[str, NewsLine] = field(default_factory=dict)

    def note(self, line: NewsLine) -> None:
        """A change happened."""
        self.newest_at = max(self.newest_at, line.at)
        self._waiting[line.kind] = line

    def advance(self) -> None:
        """Show one more line, if any waits."""
        if self._waiting:
            kind = next(iter(self._waiting))
            self.shown.append(self._waiting.pop(kind))
