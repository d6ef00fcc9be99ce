"""A condition of a tier that was crossed, as states and outputs have it."""

from __future__ import annotations

from typing import NamedTuple

from scoring.grading import Said


class Crossed(NamedTuple):
    """A condition that came to hold, or ceased to, between two evaluations."""

    measure: str
    before: int | str | None
    after: int | str | None
    cutoff: int | Said
    at_ms: int
