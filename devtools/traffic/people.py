"""What customers tell about themselves: profile attributes and marketing consent."""

from __future__ import annotations

from datetime import date
from typing import Any

from devtools.traffic.draws import Draws
from devtools.traffic.record import Draft

_REGIONS = ("north", "south", "east", "west", "central")
_OCCUPATIONS = ("student", "teacher", "engineer", "nurse", "clerk", "artist", "retired", "manager")
_FIRST_BIRTH = date(1930, 1, 1).toordinal()
_LAST_BIRTH = date(1980, 12, 31).toordinal()


def introduction(draws: Draws, customer_id: str, at_ms: int) -> Draft:
    """A first `profile.updated` with what a registration form asks for."""
    birth_date = date.fromordinal(draws.between(_FIRST_BIRTH, _LAST_BIRTH))
    attributes: dict[str, Any] = {
        "birth_date": birth_date.isoformat(),
        "gender": draws.pick(("female", "male", "other")),
        "region": draws.pick(_REGIONS),
        "city_tier": draws.pick(("1", "2", "3", "4")),
        "occupation": draws.pick(_OCCUPATIONS),
    }
    return Draft(at_ms, "profile.updated", customer_id, {"attributes": attributes})


def correction(draws: Draws, customer_id: str, at_ms: int) -> Draft:
    """A later `profile.updated`: the customer moved, or has another occupation."""
    moved = draws.chance(0.5)
    attributes = (
        {"region": draws.pick(_REGIONS)} if moved else {"occupation": draws.pick(_OCCUPATIONS)}
    )
    return Draft(at_ms, "profile.updated", customer_id, {"attributes": attributes})


def consent(draws: Draws, customer_id: str, at_ms: int, *, yes: float) -> Draft:
    """A `consent.changed` that allows marketing with the probability `yes`."""
    return Draft(at_ms, "consent.changed", customer_id, {"marketing": draws.chance(yes)})
