"""The parts of an explanation on points and care."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from cli.explain.words import plain, time_words
from handlers.explain.model import PointsWhy, ReminderWhy

_MOST_LOTS = 12


def points_part(points: PointsWhy) -> Iterator[RenderableType | str]:
    """The balance, how it came about, and when what is left expires."""
    yield (
        f"{points.balance:,} = {points.earned:,} earned - {points.taken_back:,} taken back - "
        f"{points.redeemed:,} redeemed - {points.expired:,} expired"
    )
    if points.owed:
        yield f"{points.owed:,} were taken back after they had been spent: earned next, they go"
    yield f"an order now would earn {points.next_order_rate} a unit of base currency"
    if points.lots:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
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
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for each in reminders:
        name = plain(each.name).replace("_", " ")
        table.add_row(f"  {time_words(each.at)}", name, f"on {each.due_on}")
    yield table
