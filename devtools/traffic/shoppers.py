"""The customers of the simulator, each with an own pace, budget and chance to leave.

Purchases follow the BG/NBD model of Fader, Hardie and Lee ("Counting Your Customers the Easy Way:
An Alternative to the Pareto/NBD Model", Marketing Science 24(2), 2005): a customer buys as a
Poisson process whose rate is Gamma distributed over the customers, and after each purchase goes
silent for good with a probability that is Beta distributed over them. Amounts are log-normal
around a median of the customer's own, which is log-normal too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from devtools.traffic.distributions import DAY_MS, Draws, draws_for
from devtools.traffic.record import Draft
from devtools.traffic.sessions import CATEGORIES

_LONGEST_MEAN_PAUSE_DAYS = 1460.0


@dataclass(frozen=True, slots=True)
class PopulationShape:
    """How customers differ. The defaults are a shop with a customer base livelier than CDNOW's.

    The Beta of going silent is the one estimated for CDNOW in the paper (0.793, 2.426): a quarter
    of the customers, on average, does not come back after a purchase.
    """

    customers: int = 5_000
    """Customers who are not silent, at every time: who goes silent is replaced by a newcomer."""
    seed: int = 1
    pace_shape: float = 0.8
    """Shape of the Gamma of purchase rates: the smaller, the more customers differ."""
    mean_purchases_per_week: float = 0.25
    silence_a: float = 0.793
    silence_b: float = 2.426
    median_amount: float = 36.0
    """Major units; the median of the customers' medians."""
    amount_spread: float = 0.6
    """Standard deviation of the logarithm of the customers' medians."""


@dataclass(slots=True)
class Customer:
    """One simulated customer. `mean_pause_ms` is the mean time from one purchase to the next."""

    customer_id: str
    mean_pause_ms: float
    silence: float
    log_median_amount: float
    favourite: str
    known: bool = False
    silent: bool = False
    visits_left_alone: int = 0


def customer(number: int, shape: PopulationShape) -> Customer:
    """Customer `number` of the population: the same for the same seed, whoever else there is."""
    draws = draws_for(shape.seed, number)
    scale = shape.mean_purchases_per_week / shape.pace_shape
    per_day = draws.gammavariate(shape.pace_shape, scale) / 7
    pause_days = 1 / max(per_day, 1 / _LONGEST_MEAN_PAUSE_DAYS)
    customer_id = f"c{number:07d}"
    return Customer(
        customer_id=customer_id,
        mean_pause_ms=pause_days * DAY_MS,
        silence=draws.betavariate(shape.silence_a, shape.silence_b),
        log_median_amount=math.log(shape.median_amount) + draws.gauss(0, shape.amount_spread),
        favourite=draws.pick(CATEGORIES),
    )


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
    """A `consent.changed` that allows marketing, and e-mail, with the probability `yes`."""
    agreed = draws.chance(yes)
    fields = {"marketing": agreed, "channels": {"email": agreed}}
    return Draft(at_ms, "consent.changed", customer_id, fields)


_WITHIN_DAYS = 20


def referral(draws: Draws, customer_id: str, placed_ms: int) -> Draft:
    """Somebody was recommended, some days after a purchase."""
    at_ms = placed_ms + draws.between(DAY_MS, _WITHIN_DAYS * DAY_MS)
    return Draft(at_ms, "activity.recorded", customer_id, {"activity": "referral"})


def redemption(draws: Draws, customer_id: str, placed_ms: int, redemption_id: str) -> Draft:
    """Points are spent some days after a purchase, sometimes more than there are."""
    at_ms = placed_ms + draws.between(DAY_MS, _WITHIN_DAYS * DAY_MS)
    fields = {"redemption_id": redemption_id, "points": 50 * draws.between(1, 10)}
    return Draft(at_ms, "points.redeemed", customer_id, fields)
