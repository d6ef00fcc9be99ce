"""What a customer is owed: stages of tickets that run, and the next visit."""

from __future__ import annotations

from collections.abc import Iterator

from cli.explain.words import Wording, plain
from handlers.explain.model import Explanation
from handlers.outputs import PromiseView


def service_part(why: Explanation, wording: Wording) -> Iterator[str]:
    """The stages of tickets that are overdue or will be, and the last contact made."""
    say = wording.words.say
    for promise in why.promises or ():
        yield _promise_words(promise, wording)
    if why.visits is not None:
        asked = say("; its visit was asked for") if why.visits.told else ""
        if why.visits.last_contact_at is None:
            since = wording.time(why.visits.since)
            yield say("no contact made; the days to a visit count from {time}", time=since)
        else:
            last = wording.time(why.visits.last_contact_at)
            yield say("last contact made {time}", time=last) + asked


def _promise_words(promise: PromiseView, wording: Wording) -> str:
    say = wording.words.say
    fields = {
        "stage": wording.words.term("ticket_stage", promise.stage),
        "ticket": plain(promise.ticket_id),
        "time": wording.time(promise.due_at),
    }
    found = say("{stage} of ticket {ticket} due {time}", **fields)
    if promise.overdue:
        found = say("{stage} of ticket {ticket} overdue since {time}", **fields)
    if promise.step is not None:
        found += say(", told {name}", name=plain(promise.step))
    if promise.next_at is not None and promise.next_step is not None:
        name, time = plain(promise.next_step), wording.time(promise.next_at)
        found += say(", next {name} {time}", name=name, time=time)
    return found
