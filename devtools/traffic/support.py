"""What follows some orders: tickets and surveys, refunds, cancellations."""

from __future__ import annotations

from devtools.traffic.draws import DAY_MS, HOUR_MS, MINUTE_MS, Draws
from devtools.traffic.record import Draft
from scoring.money import text_of_minor

_KINDS = ("complaint", "complaint", "question", "question", "question", "return", "other")


def ticket(draws: Draws, customer_id: str, opened_ms: int, ticket_id: str) -> list[Draft]:
    """A support ticket from its opening: most are resolved, some reopened, some rated (csat).

    Lasts at most 25 days.
    """
    kind = draws.pick(_KINDS)
    complaint = kind == "complaint"
    severity = draws.pick((3, 4, 5) if complaint else (1, 2, 3))
    about = {"ticket_id": ticket_id}
    opening = about | {"channel": "email", "kind": kind, "severity": severity}
    steps = [Draft(opened_ms, "ticket.opened", customer_id, opening)]
    if not draws.chance(0.9):
        return steps
    at_ms = opened_ms + min(draws.wait_ms(30 * HOUR_MS), 10 * DAY_MS)
    steps.append(Draft(at_ms, "ticket.resolved", customer_id, about))
    if draws.chance(0.08):
        at_ms += draws.between(HOUR_MS, 2 * DAY_MS)
        steps.append(Draft(at_ms, "ticket.reopened", customer_id, about))
        at_ms += min(draws.wait_ms(DAY_MS), 10 * DAY_MS)
        steps.append(Draft(at_ms, "ticket.resolved", customer_id, about))
    if draws.chance(0.4):
        at_ms += draws.between(HOUR_MS, 2 * DAY_MS)
        score = draws.pick((1, 2, 2, 3, 4) if complaint else (3, 4, 4, 5, 5))
        rating = {"survey": "csat", "score": score, "ticket_id": ticket_id}
        steps.append(Draft(at_ms, "survey.answered", customer_id, rating))
    return steps


def refund(
    draws: Draws, customer_id: str, placed_ms: int, order_id: str, amount_minor: int
) -> Draft:
    """A refund 2 to 25 days after the order: of all of it (60 %), or of a part (10 to 80 %)."""
    at_ms = placed_ms + draws.between(2 * DAY_MS, 25 * DAY_MS)
    refunded = amount_minor
    if not draws.chance(0.6):
        refunded = max(1, amount_minor * draws.between(10, 81) // 100)
    fields = {
        "order_id": order_id,
        "refund_id": f"{order_id}-refund",
        "amount": text_of_minor(refunded, 2),
    }
    return Draft(at_ms, "order.refunded", customer_id, fields)


def cancellation(draws: Draws, customer_id: str, placed_ms: int, order_id: str) -> Draft:
    """The order is cancelled, 10 minutes to 20 hours after it was placed."""
    at_ms = placed_ms + draws.between(10 * MINUTE_MS, 20 * HOUR_MS)
    return Draft(at_ms, "order.cancelled", customer_id, {"order_id": order_id})
