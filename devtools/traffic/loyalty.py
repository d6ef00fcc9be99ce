"""What a customer of a points programme does: recommend the shop, and spend points."""

from __future__ import annotations

from devtools.traffic.draws import DAY_MS, Draws
from devtools.traffic.record import Draft

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
