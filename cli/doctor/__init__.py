"""What is right and what is wrong with a deployment: `tierstream doctor`."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that was looked at; `remedy` says what to do where it is wrong."""

    text: str
    remedy: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing to do."""
        return self.remedy is None

    def __str__(self) -> str:
        return f"ok  {self.text}" if self.remedy is None else f"!!  {self.text} → {self.remedy}"
