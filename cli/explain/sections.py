"""The orders of an explanation: a table of those in the window, and sentences for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.explain.words import money, plain, time_words
from handlers.explain.model import OrdersWhy, OrderWhy, WaitingWhy

_MOST_ROWS = 20
_MOST_WAITING = 10
_NOT_COUNTED = {
    "cancelled": "cancelled",
    "failed": "payment failed",
    "not_paid": "not paid",
    "fully_refunded": "fully refunded",
}


def orders_part(orders: OrdersWhy) -> Iterator[RenderableType | str]:
    """What counts in the window, the newest orders one by one, what was merged and what left."""
    yield _total(orders) + ("; one counts once it is paid" * (orders.counts_when == "paid"))
    if orders.in_window:
        yield _table(orders.in_window)
    hidden = len(orders.in_window) - _MOST_ROWS
    if hidden > 0:
        yield f"and {hidden} older {_orders(hidden)} in the window; --json shows all"
    if orders.merged:
        count = sum(day.count for day in orders.merged)
        yield (
            f"{count} older {_orders(count)} of {len(orders.merged)} days are kept as sums a day "
            f"and count; the first of them leave on {time_words(orders.merged[0].leaves_at)}"
        )
    if orders.out_of_window:
        yield f"{orders.out_of_window} counted {_orders(orders.out_of_window)} left the window"
    if orders.orders_ever:
        yield (
            f"counted ever: {orders.orders_ever}, the first {time_words(orders.first_order_at)}, "
            f"the last {time_words(orders.last_order_at)}"
        )


def waiting_part(waiting: Sequence[WaitingWhy]) -> Iterator[str]:
    """Changes whose order is not there."""
    for change in waiting[:_MOST_WAITING]:
        amount = "" if change.amount is None else f" of {money(change.amount)}"
        kind = change.kind.replace("_", " ")
        yield f"waits for its order {plain(change.order_id)}: {kind}{amount}"
    if len(waiting) > _MOST_WAITING:
        yield f"and {len(waiting) - _MOST_WAITING} more changes wait for their orders"


def _total(orders: OrdersWhy) -> str:
    span = f"in {orders.window_days} days"
    if orders.frequency == 0:
        return f"no order counts {span}"
    return (
        f"{orders.frequency} {_orders(orders.frequency)} worth {money(orders.monetary)} "
        f"{orders.currency} count {span}"
    )


def _table(orders: Sequence[OrderWhy]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("  order", overflow="fold", max_width=22)
    table.add_column("placed")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("counts")
    table.add_column("leaves")
    for order in reversed(orders[-_MOST_ROWS:]):
        counts = Text("yes", "green")
        if order.not_counted is not None:
            counts = Text(f"no: {_NOT_COUNTED[order.not_counted]}", "yellow")
        elif order.refunded.strip("0."):
            counts.append(f", {money(order.refunded)} refunded", "default")
        if order.placed_in is not None:
            counts.append(f" ({order.placed_in})", "dim")
        shown = order.amount if order.not_counted else order.value
        table.add_row(
            Text(f"  {plain(order.order_id)}"),
            time_words(order.placed_at)[:16],
            money(shown),
            counts,
            order.leaves_at[:10],
        )
    return table


def _orders(count: int) -> str:
    return "order" if count == 1 else "orders"
