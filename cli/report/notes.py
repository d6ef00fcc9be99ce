"""What a report must say of its figures: as of when, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from cli.report.facts import Teller
from handlers.outputs import CARE_REMINDERS


def notes_of_ends(teller: Teller) -> Iterator[str]:
    """Of when the figures are, and which are not known."""
    words, figures, period = teller.words, teller.figures, teller.facts.period
    known = figures.known_from
    for each, end in ((period, figures.end), (period.before, figures.before)):
        day = words.date(each.last)
        if end is None and known is not None and each.last < date.fromisoformat(known):
            yield words.say(
                "Figures at the end of {day} are not known: none before {first} are.",
                day=day,
                first=words.date(known),
            )
        elif end is None:
            yield words.say("Figures at the end of {day} are not known: no projector ran.", day=day)
        elif end.as_of is not None:
            yield words.say(
                "Figures at the end of {day} are as of {time} (UTC).",
                day=day,
                time=words.moment(end.as_of),
            )
        else:
            yield words.say("The period is not over: its figures are those of now.")


def notes_of_moves(teller: Teller) -> Iterator[str]:
    """Of which days moves are missing."""
    periods = (teller.facts.period, teller.facts.period.before)
    for moves, period in zip(
        (teller.figures.moves, teller.figures.moves_before), periods, strict=True
    ):
        complete = moves["complete_from"]
        if not teller.has_all_moves(moves, period):
            yield teller.words.say(
                "Rises and falls of {days} are not known in full: {since}.",
                days=teller.days(period),
                since=teller.words.say("nothing is known yet")
                if complete is None
                else teller.words.say("they are from {day} on", day=teller.words.date(complete)),
            )


def notes_of_complaints(teller: Teller) -> Iterator[str]:
    """What the topics have lost, and which tickets nobody can judge."""
    for period in (teller.facts.period, teller.facts.period.before):
        for topic in ("support", CARE_REMINDERS):
            if not teller.knows(topic, period):
                yield teller.words.say(
                    "The topic {topic} no longer has all of {days}: what is counted by it is "
                    "not known.",
                    topic=topic,
                    days=teller.days(period),
                )
        found = teller.complaints(period)
        if found is not None and found.unknown:
            yield teller.words.say(
                "{count} more tickets of {days} were closed or overdue; whether they are "
                "complaints is not known, since they were opened long before.",
                count=teller.words.number(found.unknown),
                days=teller.days(period),
            )
