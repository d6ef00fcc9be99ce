"""Visits to the shop: the page views, searches and carts of one session."""

from __future__ import annotations

from devtools.traffic.draws import MINUTE_MS, Draws
from devtools.traffic.record import Draft

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
