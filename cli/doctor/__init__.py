"""`tierstream doctor`: checks a deployment, and says what to do about each fault."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """The result of one check; `remedy` says what to do about a fault, None if there is none."""

    text: str
    remedy: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing to do."""
        return self.remedy is None

    def __str__(self) -> str:
        return f"ok  {self.text}" if self.remedy is None else f"!!  {self.text} → {self.remedy}"


def things(count: int) -> str:
    """So many things, with the verb: `1 thing is`."""
    return "1 thing is" if count == 1 else f"{count} things are"
