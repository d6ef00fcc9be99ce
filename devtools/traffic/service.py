"""What a shop does for its customers: answers tickets, agrees contacts, makes good, asks why."""

from __future__ import annotations

from datetime import UTC, datetime

from devtools.traffic.distributions import DAY_MS, HOUR_MS, Draws
from devtools.traffic.record import Draft

_STAFF = ("eva", "li", "tom")
_NOTES = ("ask how it went", "new collection", "contract ends", "call back")
_ADJUSTMENTS = (("late parcel", 100), ("birthday surprise", 50), ("given twice", -50))
_REASONS = ("price", "price", "moved away", "service", "choice", "no need")


def response(draws: Draws, opened: Draft) -> Draft:
    """A ticket is answered for the first time, within a day."""
    at_ms = opened.at_ms + min(draws.wait_ms(3 * HOUR_MS), DAY_MS)
    about = {"ticket_id": opened.fields["ticket_id"]}
    return Draft(at_ms, "ticket.responded", opened.customer_id, about)


def care(draws: Draws, customer_id: str, placed_ms: int, order_id: str) -> list[Draft]:
    """Points by hand (1 %) and a follow-up (2 %) after a purchase."""
    found = []
    if draws.chance(0.01):
        found.append(_adjustment(draws, customer_id, placed_ms))
    if draws.chance(0.02):
        found += _followups(draws, customer_id, placed_ms, f"{order_id}-followup")
    return found


def _followups(draws: Draws, customer_id: str, placed_ms: int, followup_id: str) -> list[Draft]:
    """A contact is agreed; every fourth is moved or called off a day later."""
    agreed_ms = placed_ms + draws.between(HOUR_MS, 5 * DAY_MS)
    on_ms = agreed_ms + draws.between(2 * DAY_MS, 60 * DAY_MS)
    about = {"followup_id": followup_id, "by": draws.pick(_STAFF), "note": draws.pick(_NOTES)}
    found = [_followup(agreed_ms, customer_id, about, on_ms)]
    if draws.chance(0.25):
        moved_ms = on_ms + 7 * DAY_MS if draws.chance(0.7) else None
        found.append(_followup(agreed_ms + DAY_MS, customer_id, about, moved_ms))
    return found


def _adjustment(draws: Draws, customer_id: str, placed_ms: int) -> Draft:
    """Points are given or taken by hand."""
    at_ms = placed_ms + draws.between(HOUR_MS, 10 * DAY_MS)
    reason, points = draws.pick(_ADJUSTMENTS)
    return Draft(at_ms, "points.adjusted", customer_id, {"points": points, "reason": reason})


def cancelled_redemption(draws: Draws, redeemed: Draft) -> list[Draft]:
    """Every tenth redemption is undone, up to five days later."""
    if not draws.chance(0.1):
        return []
    at_ms = redeemed.at_ms + draws.between(HOUR_MS, 5 * DAY_MS)
    about = {"redemption_id": redeemed.fields["redemption_id"]}
    return [Draft(at_ms, "points.redemption_cancelled", redeemed.customer_id, about)]


def reason_of_leaving(draws: Draws, customer_id: str, bought_ms: int) -> Draft:
    """Somebody who left says why, one to four months after the last purchase."""
    at_ms = bought_ms + draws.between(30 * DAY_MS, 120 * DAY_MS)
    answer = {"survey": "churn", "answer": draws.pick(_REASONS)}
    return Draft(at_ms, "survey.answered", customer_id, answer)


def _followup(at_ms: int, customer_id: str, about: dict[str, str], on_ms: int | None) -> Draft:
    on = None if on_ms is None else datetime.fromtimestamp(on_ms / 1000, UTC).date().isoformat()
    return Draft(at_ms, "followup.scheduled", customer_id, {**about, "on": on})
