"""What a trail comes to, in words."""

from __future__ import annotations

from aiokafka import TopicPartition

from streams.erasure.receipt import Known, Outcome, Step, Where
from streams.erasure.request import Request
from streams.erasure.trail import Places, Trail

_FOLLOWED: tuple[Where, ...] = ("log", "state", "profile", "view")

_STATE_WORDS: dict[Known, str] = {
    "known": "the state is a marker now: tags, points, orders and all else are gone from it",
    "unknown": "nothing was known of this customer; the marker holds for events that come later",
    "erased_before": "the customer had been erased before; nothing changed",
}


def steps_of(request: Request, places: Places, trail: Trail, *, waited: bool) -> list[Step]:
    """The steps in Kafka.

    Args:
        request: as it was written.
        places: where it was followed.
        trail: what was seen.
        waited: whether it was followed at all.
    """
    at = _at(request.tp, request.offset)
    written = Step("request", "done", f"event {request.event_id} is written", at)
    if not waited:
        return [written, *(Step(where, "not_looked", "not waited for") for where in _FOLLOWED)]
    return [written, _log(places, trail), _state(places, trail), _profile(places, trail)]


def _log(places: Places, trail: Trail) -> Step:
    if trail.refused is not None:
        return Step("log", "refused", f"the event became a dead letter, {trail.refused}")
    if trail.logged is None:
        return Step("log", "waiting", "not in the log yet; does a worker run?")
    return Step("log", "done", "in the log, behind all before it", _at(places.log, trail.logged))


def _state(places: Places, trail: Trail) -> Step:
    if trail.marker is None or trail.known is None:
        return Step("state", _unseen(trail), "no marker was seen in the changelog")
    return Step("state", "done", _STATE_WORDS[trail.known], _at(places.changelog, trail.marker))


def _profile(places: Places, trail: Trail) -> Step:
    if not trail.profile_is_null:
        return Step("profile", _unseen(trail), "the null record was not seen")
    if trail.null_profile is None:
        return Step("profile", "done", "it was a null record already")
    at = _at(places.profiles, trail.null_profile)
    return Step("profile", "done", "the profile is a null record", at)


def _unseen(trail: Trail) -> Outcome:
    return "waiting" if trail.refused is None else "not_looked"


def _at(tp: TopicPartition, offset: int) -> str:
    return f"{tp.topic}/{tp.partition}@{offset}"
