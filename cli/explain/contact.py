"""How often a customer was contacted, and what the caps still let through."""

from __future__ import annotations

from collections.abc import Iterator

from cli.explain.words import time_words
from handlers.explain.contact import CapWhy, ContactWhy

_MOST_DAYS = 8


def contact_part(why: ContactWhy) -> Iterator[str]:
    """The messages by day, each cap, and the quiet hours while they last."""
    shown = [f"{each.messages} on {each.day}" for each in why.messages[-_MOST_DAYS:]]
    hidden = len(why.messages) - len(shown)
    if shown:
        older = f"{hidden} older days, " if hidden else ""
        yield f"messages that count: {older}{', '.join(shown)}"
    elif why.caps:
        yield "no message counts"
    for cap in why.caps:
        yield _cap_words(cap)
    if why.quiet_until is not None:
        yield f"quiet hours until {time_words(why.quiet_until)}: nothing is to be sent before"


def _cap_words(cap: CapWhy) -> str:
    days = "a day" if cap.days == 1 else f"in {cap.days} days"
    more = f"{cap.left} more today" if cap.left else "further ones are frequency_cap"
    return f"at most {cap.messages} {days}: {cap.sent} so far, {more}"
