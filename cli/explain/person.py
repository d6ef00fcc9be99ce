"""What is known of the person: consent, attributes, surveys, tickets, and where the state is."""

from __future__ import annotations

from collections.abc import Iterator

from cli.explain.service import service_part
from cli.explain.words import Wording, plain
from handlers.explain.model import Explanation, TicketWhy, Who


def person_part(why: Explanation, wording: Wording) -> Iterator[str]:
    """All of it, a line for each."""
    say = wording.words.say
    yield from _consents(why.who, wording)
    yield from _known(why.who, wording)
    if why.surveys is not None:
        asked, answered = wording.time(why.surveys.asked_at), wording.time(why.surveys.answered_at)
        yield say(
            "asked by a survey: {asked}; answered: {answered}", asked=asked, answered=answered
        )
    if why.suppressed is not None:
        reason = wording.words.term("suppressed", why.suppressed)
        yield say("outputs are not to be acted on: {reason}", reason=reason)
    if why.holdout is not None:
        yield say("held out of campaigns") if why.holdout else say("not held out of campaigns")
    if not why.open_tickets:
        yield say("no open ticket")
    for ticket in why.open_tickets:
        yield _ticket(ticket, wording)
    yield from service_part(why, wording)
    yield say(
        "newest event {time}; {sequence} outputs; log position {applied}, epoch {epoch}",
        time=wording.time(why.newest_event_at),
        sequence=why.position.sequence,
        applied=why.position.applied,
        epoch=why.position.epoch,
    )


def _consents(who: Who, wording: Wording) -> Iterator[str]:
    say = wording.words.say
    answer = wording.yes_no(who.marketing_consent)
    yield say("marketing consent: {answer}", answer=answer) + _told(who.consent_at, wording)
    for consent in who.channels:
        fields = {"name": plain(consent.name), "answer": wording.yes_no(consent.agreed)}
        found = say("consent to channel {name}: {answer}", **fields)
        yield found + _told(consent.told_at, wording)
    for consent in who.purposes:
        fields = {"name": plain(consent.name), "answer": wording.yes_no(consent.agreed)}
        found = say("consent to purpose {name}: {answer}", **fields)
        yield found + _told(consent.told_at, wording)


def _known(who: Who, wording: Wording) -> Iterator[str]:
    words = wording.words
    names = words.listed([plain(name) for name in who.attributes]) or words.say("none")
    found = words.say("attributes known: {names}", names=names)
    yield found + _told(who.attributes_at, wording)
    if who.also_known_as:
        ids = words.listed([plain(each) for each in who.also_known_as])
        yield words.say("merged into it: {ids}", ids=ids)
    if who.churn_answer is not None:
        found = words.say("left because of: {answer}", answer=plain(who.churn_answer))
        yield found + words.say(" (told {time})", time=wording.time(who.churn_answered_at))


def _ticket(ticket: TicketWhy, wording: Wording) -> str:
    words, number = wording.words, plain(ticket.ticket_id)
    time = wording.time(ticket.changed_at)
    if ticket.kind is None:
        return words.say("open ticket {ticket}, {time}", ticket=number, time=time)
    kind = words.term("ticket", ticket.kind)
    return words.say("open ticket {ticket}, {kind}, {time}", ticket=number, kind=kind, time=time)


def _told(instant: str | None, wording: Wording) -> str:
    if instant is None:
        return ""
    return wording.words.say(" (told {time})", time=wording.time(instant))
