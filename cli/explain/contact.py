"""How often a customer was contacted, and what the caps still let through."""

from __future__ import annotations

from collections.abc import Iterator

from cli.explain.words import Wording
from handlers.explain.contact import CapWhy, ContactWhy

_MOST_DAYS = 8


def contact_part(why: ContactWhy, wording: Wording) -> Iterator[str]:
    """The messages by day, each cap, and the quiet hours while they last."""
    say = wording.words.say
    shown = [
        say("{count} on {day}", count=each.messages, day=wording.day(each.day))
        for each in why.messages[-_MOST_DAYS:]
    ]
    hidden = len(why.messages) - len(shown)
    if shown:
        older = [say("{count} older days", count=hidden)] if hidden else []
        yield say("messages that count: {messages}", messages=wording.words.listed(older + shown))
    elif why.caps:
        yield say("no message counts")
    for cap in why.caps:
        yield _cap_words(cap, wording)
    if why.quiet_until is not None:
        until = wording.time(why.quiet_until)
        yield say("quiet hours until {time}: nothing is to be sent before", time=until)


def _cap_words(cap: CapWhy, wording: Wording) -> str:
    say = wording.words.say
    more = say("further ones are frequency_cap")
    if cap.left:
        more = say("{count} more today", count=cap.left)
    return wording.words.plural(
        "at most {most} a day: {sent} so far, {more}",
        "at most {most} in {count} days: {sent} so far, {more}",
        cap.days,
        most=cap.messages,
        sent=cap.sent,
        more=more,
    )
