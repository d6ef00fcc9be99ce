"""The sections of an explanation: orders, tags, satisfaction, health, points and care."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.explain.words import Wording, plain
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
from words.marks import mark

_MOST_ROWS = 20
_MOST_WAITING = 10
_MOST_NAMES = 6
_MOST_LOTS = 12
_HEAVIEST = {
    "category": mark("heaviest by category: {names}"),
    "channel": mark("heaviest by channel: {names}"),
}


def orders_part(orders: OrdersWhy, wording: Wording) -> Iterator[RenderableType | str]:
    """The window's totals, its newest orders, orders merged by day, and orders that left it."""
    say = wording.words.say
    once_paid = say("; one counts once it is paid") if orders.counts_when == "paid" else ""
    yield _total(orders, wording) + once_paid
    if orders.in_window:
        yield _order_table(orders.in_window, wording)
    hidden = len(orders.in_window) - _MOST_ROWS
    if hidden > 0:
        yield wording.words.plural(
            "and {count} older order in the window; --json shows all",
            "and {count} older orders in the window; --json shows all",
            hidden,
        )
    yield from _older(orders, wording)
    if orders.orders_ever:
        yield say(
            "counted ever: {count} for {spend}, the first {first}, the last {last}",
            count=orders.orders_ever,
            spend=wording.money(orders.spend_ever),
            first=wording.time(orders.first_order_at),
            last=wording.time(orders.last_order_at),
        )


def _older(orders: OrdersWhy, wording: Wording) -> Iterator[str]:
    """Orders that are merged by day, and those that left the window."""
    if orders.merged:
        yield wording.words.plural(
            "{count} older order of {days} days are kept as sums a day and count; the first of "
            "them leave on {time}",
            "{count} older orders of {days} days are kept as sums a day and count; the first of "
            "them leave on {time}",
            sum(day.count for day in orders.merged),
            days=len(orders.merged),
            time=wording.time(orders.merged[0].leaves_at),
        )
    if orders.out_of_window:
        yield wording.words.plural(
            "{count} counted order left the window",
            "{count} counted orders left the window",
            orders.out_of_window,
        )


def waiting_part(waiting: Sequence[WaitingWhy], wording: Wording) -> Iterator[str]:
    """Changes that wait for their order."""
    say = wording.words.say
    for change in waiting[:_MOST_WAITING]:
        found = say(
            "waits for its order {order}: {change}",
            order=plain(change.order_id),
            change=wording.words.term("waiting", change.kind),
        )
        if change.amount is not None:
            amount = " ".join((grouped_thousands(change.amount), change.currency or "")).rstrip()
            found = say("{sentence} of {amount}", sentence=found, amount=amount)
        yield found
    if len(waiting) > _MOST_WAITING:
        hidden = len(waiting) - _MOST_WAITING
        yield say("and {count} more changes wait for their orders", count=hidden)


def _total(orders: OrdersWhy, wording: Wording) -> str:
    if orders.frequency == 0:
        return wording.words.say("no order counts in {days} days", days=orders.window_days)
    return wording.words.plural(
        "{count} order worth {value} count in {days} days",
        "{count} orders worth {value} count in {days} days",
        orders.frequency,
        value=wording.money(orders.monetary),
        days=orders.window_days,
    )


def _order_table(orders: Sequence[OrderWhy], wording: Wording) -> Table:
    named = wording.words.named
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("  " + named("column", "order"), overflow="fold", max_width=22)
    table.add_column(named("column", "placed"))
    table.add_column(named("column", "value"), justify="right", no_wrap=True)
    table.add_column(named("column", "counts"))
    table.add_column(named("column", "leaves"))
    for order in reversed(orders[-_MOST_ROWS:]):
        table.add_row(
            Text(f"  {plain(order.order_id)}"),
            wording.minute(order.placed_at),
            grouped_thousands(order.amount if order.not_counted else order.value),
            _counts(order, wording),
            wording.day(order.leaves_at),
        )
    return table


def _counts(order: OrderWhy, wording: Wording) -> Text:
    """Whether an order counts, and what became of it."""
    say = wording.words.say
    counts = Text(say("yes"), "green")
    if order.not_counted is not None:
        why = wording.words.term("not_counted", order.not_counted)
        counts = Text(say("no: {why}", why=why), "yellow")
    elif order.refunded.strip("0."):
        refunded = grouped_thousands(order.refunded)
        counts.append(say(", {amount} refunded", amount=refunded), "default")
    if order.placed_in is not None:
        counts.append(say(" ({note})", note=order.placed_in), "dim")
    if order.placed_with is not None:
        counts.append(say(", edited from {amount}", amount=order.placed_with), "dim")
    return counts


def tags_part(
    tags: list[TagWhy], weights: list[NameWeight] | None, wording: Wording
) -> Iterator[RenderableType | str]:
    """The tags and since when they hold, and the weights of categories and channels."""
    words = wording.words
    if not tags:
        yield words.say("no tag holds")
    else:
        table = _table()
        for each in tags:
            since = words.say("since {time}", time=wording.time(each.since))
            table.add_row(f"  {wording.tag(each.tag)}", since)
        yield table
    for of, (_, message) in _HEAVIEST.items():
        found = [each for each in weights or () if each.of == of]
        if found:
            names = [_weight_words(each, wording) for each in found[:_MOST_NAMES]]
            yield words.say(message, names=words.listed(names))


def feeling_part(found: SatisfactionView, wording: Wording) -> Iterator[RenderableType | str]:
    """Surveys and tickets."""
    say = wording.words.say
    for name, last, mean, answers in (
        ("CSAT", found.csat_last, found.csat_mean, found.csat_answers),
        ("NPS", found.nps_last, found.nps_mean, found.nps_answers),
    ):
        if mean is None:
            yield say("{survey}: no answer yet", survey=name)
        else:
            fields = {"survey": name, "last": last, "mean": mean, "count": answers}
            yield say("{survey}: {last} last, {mean} in the mean of {count}", **fields)
    if found.resolution_hours_mean is not None:
        yield say(
            "tickets took {hours} hours in the mean of {count}",
            hours=found.resolution_hours_mean,
            count=found.resolutions,
        )
    yield say(
        "open: {tickets} tickets, {complaints} of them complaints",
        tickets=found.open_tickets,
        complaints=found.open_complaints,
    )


def health_part(health: HealthWhy, wording: Wording) -> Iterator[RenderableType | str]:
    """The score as the weighted mean of its parts."""
    say = wording.words.say
    if health.score is None:
        yield say("not known: no part of it is")
    else:
        yield say("{score} of 100, the weighted mean of", score=health.score)
    table = _table()
    for part in health.parts:
        value = say("not known") if part.value is None else str(part.value)
        called = wording.words.term("health", part.part)
        table.add_row(f"  {called}", value, say("weight {weight}", weight=part.weight))
    yield table


def _weight_words(each: NameWeight, wording: Wording) -> str:
    found = f"{plain(each.name)} {each.weight}"
    if not each.error.strip("0."):
        return found
    return found + wording.words.say(" (less up to {error})", error=each.error)


def _table() -> Table:
    return Table(box=None, show_header=False, padding=(0, 2, 0, 0))


def points_part(points: PointsWhy, wording: Wording) -> Iterator[RenderableType | str]:
    """The balance, what it consists of, and when points expire."""
    say, number = wording.words.say, wording.words.number
    yield say(
        "{balance} = {earned} earned - {taken_back} taken back - {redeemed} redeemed - {expired} "
        "expired",
        balance=number(points.balance),
        earned=number(points.earned),
        taken_back=number(points.taken_back),
        redeemed=number(points.redeemed),
        expired=number(points.expired),
    )
    if points.owed:
        owed = number(points.owed)
        yield say(
            "{points} were taken back after they had been spent: earned next, they go", points=owed
        )
    if points.cancellations_waiting:
        count = points.cancellations_waiting
        yield say("{count} cancellations wait for their redemption", count=count)
    yield _rate_words(points, wording)
    if points.lots:
        table = _table()
        for lot in points.lots[:_MOST_LOTS]:
            end = say("never expire")
            if lot.expires_at is not None:
                end = say("until {time}", time=wording.time(lot.expires_at))
            earned = say("earned {day}", day=wording.day(lot.earned_on))
            table.add_row(f"  {number(lot.points)}", earned, end)
        yield table
    if len(points.lots) > _MOST_LOTS:
        yield say("and those of {count} later days", count=len(points.lots) - _MOST_LOTS)


def _rate_words(points: PointsWhy, wording: Wording) -> str:
    say, rate = wording.words.say, points.next_order_rate
    if points.next_order_per is None:
        return say("an order now would earn {rate} a unit of base currency", rate=rate)
    return say(
        "an order now would earn {rate} for each full {per} of base currency",
        rate=rate,
        per=points.next_order_per,
    )


def care_part(reminders: list[ReminderWhy], wording: Wording) -> Iterator[RenderableType | str]:
    """The reminders to come if nothing changes."""
    say = wording.words.say
    if not reminders:
        yield say("no reminder is to come")
        return
    table = _table()
    for each in reminders:
        name, day = plain(wording.reminder(each.name)), wording.day(each.due_on)
        table.add_row(f"  {wording.time(each.at)}", name, say("on {day}", day=day))
    yield table
