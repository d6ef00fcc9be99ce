"""The sections of an explanation: orders, tags, satisfaction, health, points and care."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.explain.words import plain, time_words
from handlers.explain.model import (
    HealthWhy,
    NameWeight,
    OrdersWhy,
    OrderWhy,
    PointsWhy,
    ReminderWhy,
    TagWhy,
    WaitingWhy,
)
from handlers.profile.record import SatisfactionView
from scoring.money import grouped_thousands

_MOST_ROWS = 20
_MOST_WAITING = 10
_MOST_NAMES = 6
_MOST_LOTS = 12
_NOT_COUNTED = {
    "cancelled": "cancelled",
    "failed": "payment failed",
    "not_paid": "not paid",
    "fully_refunded": "fully refunded",
}


def orders_part(orders: OrdersWhy) -> Iterator[RenderableType | str]:
    """The window's totals, its newest orders, orders merged by day, and orders that left it."""
    yield _total(orders) + ("; one counts once it is paid" * (orders.counts_when == "paid"))
    if orders.in_window:
        yield _order_table(orders.in_window)
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
            f"counted ever: {orders.orders_ever} for {grouped_thousands(orders.spend_ever)} "
            f"{orders.currency}, the first {time_words(orders.first_order_at)}, "
            f"the last {time_words(orders.last_order_at)}"
        )


def waiting_part(waiting: Sequence[WaitingWhy]) -> Iterator[str]:
    """Changes that wait for their order."""
    for change in waiting[:_MOST_WAITING]:
        amount = "" if change.amount is None else f" of {grouped_thousands(change.amount)}"
        if change.currency is not None:
            amount += f" {change.currency}"
        kind = change.kind.replace("_", " ")
        yield f"waits for its order {plain(change.order_id)}: {kind}{amount}"
    if len(waiting) > _MOST_WAITING:
        yield f"and {len(waiting) - _MOST_WAITING} more changes wait for their orders"


def _total(orders: OrdersWhy) -> str:
    span = f"in {orders.window_days} days"
    if orders.frequency == 0:
        return f"no order counts {span}"
    return (
        f"{orders.frequency} {_orders(orders.frequency)} worth "
        f"{grouped_thousands(orders.monetary)} {orders.currency} count {span}"
    )


def _order_table(orders: Sequence[OrderWhy]) -> Table:
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
            counts.append(f", {grouped_thousands(order.refunded)} refunded", "default")
        if order.placed_in is not None:
            counts.append(f" ({order.placed_in})", "dim")
        if order.placed_with is not None:
            counts.append(f", edited from {order.placed_with}", "dim")
        shown = order.amount if order.not_counted else order.value
        table.add_row(
            Text(f"  {plain(order.order_id)}"),
            time_words(order.placed_at)[:16],
            grouped_thousands(shown),
            counts,
            order.leaves_at[:10],
        )
    return table


def _orders(count: int) -> str:
    return "order" if count == 1 else "orders"


def tags_part(
    tags: list[TagWhy], weights: list[NameWeight] | None
) -> Iterator[RenderableType | str]:
    """The tags and since when they hold, and the weights of categories and channels."""
    if not tags:
        yield "no tag holds"
    else:
        table = _table()
        for each in tags:
            table.add_row(f"  {plain(each.tag)}", f"since {time_words(each.since)}")
        yield table
    for of in ("category", "channel"):
        found = [each for each in weights or () if each.of == of]
        if found:
            yield f"heaviest by {of}: " + ", ".join(map(_weight_words, found[:_MOST_NAMES]))


def feeling_part(found: SatisfactionView) -> Iterator[RenderableType | str]:
    """Surveys and tickets."""
    for name, last, mean, answers in (
        ("CSAT", found.csat_last, found.csat_mean, found.csat_answers),
        ("NPS", found.nps_last, found.nps_mean, found.nps_answers),
    ):
        if mean is None:
            yield f"{name}: no answer yet"
        else:
            yield f"{name}: {last} last, {mean} in the mean of {answers}"
    if found.resolution_hours_mean is not None:
        yield (
            f"tickets took {found.resolution_hours_mean} hours in the mean of {found.resolutions}"
        )
    yield f"open: {found.open_tickets} tickets, {found.open_complaints} of them complaints"


def health_part(health: HealthWhy) -> Iterator[RenderableType | str]:
    """The score as the weighted mean of its parts."""
    if health.score is None:
        yield "not known: no part of it is"
    else:
        yield f"{health.score} of 100, the weighted mean of"
    table = _table()
    for part in health.parts:
        value = "not known" if part.value is None else str(part.value)
        table.add_row(f"  {part.part}", value, f"weight {part.weight}")
    yield table


def _weight_words(each: NameWeight) -> str:
    exact = not each.error.strip("0.")
    return f"{plain(each.name)} {each.weight}" + ("" if exact else f" (less up to {each.error})")


def _table() -> Table:
    return Table(box=None, show_header=False, padding=(0, 2, 0, 0))


def points_part(points: PointsWhy) -> Iterator[RenderableType | str]:
    """The balance, what it consists of, and when points expire."""
    yield (
        f"{points.balance:,} = {points.earned:,} earned - {points.taken_back:,} taken back - "
        f"{points.redeemed:,} redeemed - {points.expired:,} expired"
    )
    if points.owed:
        yield f"{points.owed:,} were taken back after they had been spent: earned next, they go"
    if points.cancellations_waiting:
        yield f"{points.cancellations_waiting} cancellations wait for their redemption"
    unit = "a unit" if points.next_order_per is None else f"for each full {points.next_order_per}"
    yield f"an order now would earn {points.next_order_rate} {unit} of base currency"
    if points.lots:
        table = _table()
        for lot in points.lots[:_MOST_LOTS]:
            end = (
                "never expire" if lot.expires_at is None else f"until {time_words(lot.expires_at)}"
            )
            table.add_row(f"  {lot.points:,}", f"earned {lot.earned_on}", end)
        yield table
    if len(points.lots) > _MOST_LOTS:
        yield f"and those of {len(points.lots) - _MOST_LOTS} later days"


def care_part(reminders: list[ReminderWhy]) -> Iterator[RenderableType | str]:
    """The reminders to come if nothing changes."""
    if not reminders:
        yield "no reminder is to come"
        return
    table = _table()
    for each in reminders:
        name = plain(each.name)
        name = name.replace("_", " ") if each.name == each.kind else name
        table.add_row(f"  {time_words(each.at)}", name, f"on {each.due_on}")
    yield table
