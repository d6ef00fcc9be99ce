"""The names of what is kept about changes, inside of a generation of the view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from serving.view.keys import GenerationKeys


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """What both ledgers have.

    Attributes:
        base: what their keys begin with.
    """

    base: str

    @property
    def positions(self) -> str:
        """Hash with how far the ledger has come in each partition of its topic.

        ``next:<partition>`` is the offset of the first record it lacks, ``current:<partition>``
        when it last lacked none, ``newest`` the newest ``effective_at`` of all. If records were
        removed from the topic before they were read, ``gone:<partition>`` is when the first one
        after them was written, and ``gap:<partition>`` when they were missed, until that one
        comes. All times are in milliseconds since 1970.
        """
        return f"{self.base}positions"

    @property
    def seen(self) -> str:
        """What the names of the hashes begin with that hold the newest sequence by customer."""
        return f"{self.base}seen:"


@dataclass(frozen=True, slots=True)
class MovesKeys(LedgerKeys):
    """Keys of the moves between tiers."""

    @property
    def days(self) -> str:
        """Sorted set: the days that have moves (``2026-01-31``), by their ordinal."""
        return f"{self.base}days"

    def day(self, day: date) -> str:
        """Hash: how often each move was made on a day (UTC).

        A field is a JSON list of the tier left, the tier reached and the reason.
        """
        return f"{self.base}day:{day.isoformat()}"


@dataclass(frozen=True, slots=True)
class LevelsKeys(LedgerKeys):
    """Keys of the levels of silence."""

    def reached(self, level: str) -> str:
        """Sorted set: customers by when they reached ``level``, in milliseconds since 1970."""
        return f"{self.base}reached:{level}"


def moves_keys(generation: GenerationKeys) -> MovesKeys:
    """The keys of the moves in a generation."""
    return MovesKeys(f"{generation.base}moves:")


def levels_keys(generation: GenerationKeys) -> LevelsKeys:
    """The keys of the levels in a generation."""
    return LevelsKeys(f"{generation.base}levels:")
