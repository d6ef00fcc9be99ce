"""What a customer is owed: stages of tickets that run, and the next visit."""

from __future__ import annotations

from collections.abc import Iterator

from cli.explain.words import plain, time_words
from handlers.explain.model import Explanation
from handlers.outputs import PromiseView


def service_part(why: Explanation) -> Iterator[str]:
    """The stages of tickets that are overdue or will be, and the last contact made."""
    for promise in why.promises or ():
        yield _promise_words(promise)
    if why.visits is not None:
        asked = "; its visit was asked for" if why.visits.told else ""
        if why.visits.last_contact_at is None:
            yield f"no contact made; the days to a visit count from {time_words(why.visits.since)}"
        else:
            yield f"last contact made {time_words(why.visits.last_contact_at)}{asked}"


def _promise_words(promise: PromiseView) -> str:
    state = "overdue since" if promise.overdue else "due"
    found = f"{promise.stage} of ticket {plain(promise.ticket_id)} {state} "
    found += time_words(promise.due_at)
    if promise.step is not None:
        found += f", told {plain(promise.step)}"
    if promise.next_at is not None and promise.next_step is not None:
        found += f", next {plain(promise.next_step)} {time_words(promise.next_at)}"
    return found
