"""What becomes of an order in a shop's day: edited, refunded, paid after all, or a return."""

from __future__ import annotations

from devtools.traffic.distributions import DAY_MS, HOUR_MS, MINUTE_MS, Draws
from devtools.traffic.record import Draft
from devtools.traffic.sessions import cancellation, refund
from scoring.money import text_of_minor


def after_sales(
    draws: Draws, customer_id: str, placed_ms: int, order_id: str, amount_minor: int
) -> list[Draft]:
    """A cancellation (1 %), a refund (4 %), a return without an order (1 %) or an edit (1.5 %)."""
    bought = customer_id, placed_ms, order_id, amount_minor
    if draws.chance(0.01):
        return [cancellation(draws, customer_id, placed_ms, order_id)]
    if draws.chance(0.04):
        refunded = refund(draws, *bought)
        return [refunded, *_failed_refund(draws, refunded)]
    if draws.chance(0.01):
        return [_return_without_order(draws, *bought)]
    return [_edit(draws, *bought)] if draws.chance(0.015) else []


def _edit(
    draws: Draws, customer_id: str, placed_ms: int, order_id: str, amount_minor: int
) -> Draft:
    """The order is edited within two days: to 50 to 150 % of its amount."""
    at_ms = placed_ms + draws.between(MINUTE_MS, 2 * DAY_MS)
    edited = max(1, amount_minor * draws.between(50, 151) // 100)
    fields = {"order_id": order_id, "amount": text_of_minor(edited, 2), "currency": "USD"}
    return Draft(at_ms, "order.updated", customer_id, fields)


def _failed_refund(draws: Draws, refunded: Draft) -> list[Draft]:
    """Every tenth refund fails at the bank, up to three days later."""
    if not draws.chance(0.1):
        return []
    about = {name: refunded.fields[name] for name in ("order_id", "refund_id")}
    at_ms = refunded.at_ms + draws.between(HOUR_MS, 3 * DAY_MS)
    return [Draft(at_ms, "order.refund_cancelled", refunded.customer_id, about)]


def cancelled_too_soon(draws: Draws, placed_ms: int, paid: Draft) -> list[Draft]:
    """Every fifth late payment comes after the shop has cancelled the order by itself."""
    if not draws.chance(0.2):
        return []
    at_ms = max(placed_ms + 1, paid.at_ms - draws.between(1, MINUTE_MS))
    about = {"order_id": paid.fields["order_id"]}
    return [Draft(at_ms, "order.cancelled", paid.customer_id, about)]


def _return_without_order(
    draws: Draws, customer_id: str, placed_ms: int, order_id: str, amount_minor: int
) -> Draft:
    """Goods come back to a till without a receipt, within a month: 10 to 60 % of an order."""
    at_ms = placed_ms + draws.between(DAY_MS, 30 * DAY_MS)
    back = max(1, amount_minor * draws.between(10, 61) // 100)
    fields = {"refund_id": f"{order_id}-till", "amount": text_of_minor(back, 2), "channel": "store"}
    return Draft(at_ms, "order.refunded", customer_id, fields)
