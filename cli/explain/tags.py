"""The parts of an explanation on tags, satisfaction and health."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from cli.explain.words import plain, time_words
from handlers.explain.model import HealthWhy, NameWeight, TagWhy
from handlers.satisfaction import SatisfactionView

_MOST_NAMES = 6


def tags_part(
    tags: list[TagWhy], weights: list[NameWeight] | None
) -> Iterator[RenderableType | str]:
    """The tags with the instant since when they hold, and what names weigh."""
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
