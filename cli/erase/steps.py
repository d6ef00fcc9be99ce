"""The steps of a receipt, from what was seen of the erasure."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import TopicPartition

from cli.erase.trail import Trail
from streams.erasure.receipt import Known, Outcome, Step, Where
from streams.erasure.request import Request

_FOLLOWED: tuple[Where, ...] = ("log", "state", "profile", "view")

_STATE_WORDS: dict[Known, str] = {
    "known": "the state is a marker now: tags, points, orders and all else are gone from it",
    "unknown": "nothing was known of this customer; the marker holds for events that come later",
    "erased_before": "the customer had been erased before; nothing changed",
}


def steps_of(request: Request, trails: Sequence[Trail]) -> list[Step]:
    """The steps in Kafka.

    Args:
        request: as it was written.
        trails: what was seen of it; empty if it was not followed.
    """
    at = _at(request.tp, request.offset)
    written = Step("request", "done", f"event {request.event_id} is written", at)
    if not trails:
        return [written, *(Step(where, "not_looked", "not waited for") for where in _FOLLOWED)]
    *passed, last = trails
    return [written, *map(_merge, passed), _log(last), _state(last), _profile(last)]


def _merge(trail: Trail) -> Step:
    text = f"{trail.customer_id!r} had been merged into {trail.merged_into!r}, who is erased for it"
    at = None if trail.logged is None else _at(trail.partitions.log, trail.logged)
    return Step("merge", "done", text, at)


def _log(trail: Trail) -> Step:
    if trail.refused is not None:
        return Step("log", "refused", f"the event became a dead letter, {trail.refused}")
    if trail.logged is None:
        return Step("log", "waiting", "not in the log yet; does a worker run?")
    at = _at(trail.partitions.log, trail.logged)
    return Step("log", "done", "in the log, behind all before it", at)


def _state(trail: Trail) -> Step:
    if trail.marker is None or trail.known is None:
        return Step("state", _unseen(trail), "no marker was seen in the changelog")
    at = _at(trail.partitions.changelog, trail.marker)
    return Step("state", "done", _STATE_WORDS[trail.known], at)


def _profile(trail: Trail) -> Step:
    if not trail.profile_is_null:
        return Step("profile", _unseen(trail), "the null record was not seen")
    if trail.null_profile is None:
        return Step("profile", "done", "it was a null record already")
    at = _at(trail.partitions.profiles, trail.null_profile)
    return Step("profile", "done", "the profile is a null record", at)


def _unseen(trail: Trail) -> Outcome:
    return "waiting" if trail.refused is None else "not_looked"


def _at(tp: TopicPartition, offset: int) -> str:
    return f"{tp.topic}/{tp.partition}@{offset}"
