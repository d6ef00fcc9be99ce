"""Visits to the shop: the page views, searches and carts of one session."""

from __future__ import annotations

from devtools.traffic.distributions import DAY_MS, HOUR_MS, MINUTE_MS, Draws
from devtools.traffic.record import Draft
from scoring.money import text_of_minor

CATEGORIES = ("rock", "pop", "jazz", "classical", "country", "soundtrack", "world", "electronic")

LONGEST_VISIT_MS = 30 * MINUTE_MS
"""No visit lasts longer: it takes at most 7 steps of at most 3 minutes."""

_MOST_GLANCES = 6
_STEP_MS = (10_000, 3 * MINUTE_MS)


def visit(
    draws: Draws,
    customer_id: str,
    start_ms: int,
    session_id: str,
    *,
    mean_views: float,
    buys: bool,
    favourite: str = CATEGORIES[0],
) -> list[Draft]:
    """The events of a session that starts at `start_ms`, in order of time.

    It shows `mean_views` pages and products on average (1 to 6); one that buys mostly ends with the
    cart and the checkout. Half of the products are of the customer's favourite category.
    """
    views = 1
    while views < _MOST_GLANCES and draws.chance(1 - 1 / max(mean_views, 1)):
        views += 1
    channel = "app" if draws.chance(0.3) else "web"
    common = {"channel": channel, "session_id": session_id}
    at_ms = start_ms
    steps: list[Draft] = []
    for number in range(views):
        kind, fields = _glance(draws, favourite, first=number == 0)
        steps.append(Draft(at_ms, kind, customer_id, common | fields))
        at_ms += draws.between(*_STEP_MS)
    if buys and draws.chance(0.6):
        steps.append(Draft(at_ms, "cart.updated", customer_id, common | _product(draws, favourite)))
        at_ms += draws.between(*_STEP_MS)
    if buys and draws.chance(0.5):
        steps.append(Draft(at_ms, "checkout.started", customer_id, dict(common)))
    elif not buys and draws.chance(0.05):
        steps.append(Draft(at_ms, "cart.updated", customer_id, common | _product(draws, favourite)))
    return steps


def _glance(draws: Draws, favourite: str, *, first: bool) -> tuple[str, dict[str, str]]:
    luck = draws.random()
    if first and luck < 0.5:
        return "page.viewed", {"url": draws.pick(("/", "/new", "/offers", "/charts"))}
    if luck < 0.6:
        return "product.viewed", _product(draws, favourite)
    if luck < 0.85:
        return "product.searched", {"query": draws.pick(CATEGORIES)}
    if luck < 0.9:
        return "link.clicked", {"url": "/newsletter"}
    return "page.viewed", {"url": "/" + draws.pick(CATEGORIES)}


def _product(draws: Draws, favourite: str) -> dict[str, str]:
    category = favourite if draws.chance(0.5) else draws.pick(CATEGORIES)
    return {"sku": f"{category}-{draws.between(1, 200):03d}", "category": category}


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
