"""Check 1: every record that went in is in the log or a dead letter, as it was, and only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.fault.evidence import LOG_TOPIC, RawRecord, SentRecord
from tests.fault.judge.case import Case, Letter
from tests.fault.judge.log import Entry
from tests.fault.judge.wire import (
    Position,
    attributes_of,
    customer_in,
    event_id_in,
    first_bytes,
    original_said,
    partition_of,
    topic_in,
    type_in,
)
from tests.oracle.checks import ANY_TIME, Limits
from tests.oracle.ingest import Refusal, refusal

_MIN_EVENT_TIME_MS = 631_152_000_000
_MAX_FUTURE_SKEW_MS = 300_000
_ERASURE = "customer.erased"
_BEFORE_WRONG_TOPIC = frozenset({"too_large", "not_json", "missing_field", "unknown_type"})
_LONGEST_AFTER_MS = 600_000
"""How long after the last sample somebody may have looked at a record."""


def check_accounting(case: Case) -> Iterator[str]:
    """All that is wrong with the accounts."""
    yield from case.unreadable
    yield from _check_sent(case)
    slowest_ms, latest_ms = _clocks(case)
    for position, record in case.inputs.items():
        refusals = [
            _refusal_at(position.topic, record, _limits(newest_ms))
            for newest_ms in (record.timestamp_ms + slowest_ms, latest_ms)
        ]
        if position in case.by_source:
            yield from _check_logged(case, position, record, refusals)
        else:
            yield from _check_refused(case, position, record, refusals)
    for position, entry in case.past_ingest.items():
        yield from _check_past_ingest(case, position, entry)
    yield from _check_unknown(case)
    yield from _check_sums(case)


def _refusal_at(topic: str, record: RawRecord, limits: Limits) -> Refusal | None:
    """Why a record of an input topic does not enter the log; None if it does."""
    attributes = attributes_of(record.headers)
    found = refusal(record.value, attributes, limits)
    if found is not None and found.reason in _BEFORE_WRONG_TOPIC:
        return found
    if topic_in(record.value, attributes) == topic:
        return found
    return Refusal("wrong_topic", event_id_in(record.value, attributes))


def _clocks(case: Case) -> tuple[int, int]:
    """How far behind a worker's wall clock can have been, and the latest it can have shown."""
    evidence = case.evidence
    offsets = [0, *(jump.offset_ms for jump in evidence.clock_jumps)]
    end_s = max((sample.at_s for sample in evidence.samples), default=0.0)
    end_ms = evidence.began_ms + int(end_s * 1_000) + _LONGEST_AFTER_MS
    return min(offsets), end_ms + max(offsets)


def _limits(wall_ms: int) -> Limits:
    return Limits(_MIN_EVENT_TIME_MS, wall_ms + _MAX_FUTURE_SKEW_MS)


def _check_sent(case: Case) -> Iterator[str]:
    """What was acked is there as it was sent; what is there was sent, and told as it must be."""
    log = {(e.partition, e.record.offset): e.record for es in case.log.values() for e in es}
    acked: set[Position] = set()
    unacked: Counter[tuple[object, ...]] = Counter()
    for sent in case.evidence.sent:
        if sent.partition is None or sent.offset is None:
            unacked[_content(sent.topic, sent)] += 1
            continue
        position = Position(sent.topic, sent.partition, sent.offset)
        acked.add(position)
        if sent.topic == LOG_TOPIC:
            found = log.get((sent.partition, sent.offset))
        else:
            found = case.inputs.get(position)
        if found is None:
            yield f"{position} was acknowledged to the load but is not there"
        elif _content(sent.topic, found) != _content(sent.topic, sent):
            yield f"{position} is not what the load sent"
        yield from _check_told_reason(case, position, sent)
    past_ingest = {position: entry.record for position, entry in case.past_ingest.items()}
    for position, record in (case.inputs | past_ingest).items():
        content = _content(position.topic, record)
        if position in acked:
            continue
        if unacked[content] == 0:
            yield f"{position} was never sent"
        unacked[content] -= 1


def _content(topic: str, record: RawRecord | SentRecord) -> tuple[object, ...]:
    return topic, record.key, record.value, tuple(record.headers)


def _check_told_reason(case: Case, position: Position, sent: SentRecord) -> Iterator[str]:
    if sent.reason is None:
        return
    reasons = {letter.reason for letter in case.letters_by_source.get(position, [])}
    if reasons != {sent.reason}:
        found = ", ".join(sorted(reasons)) or "none"
        yield f"{position} was sent to become a dead letter {sent.reason}, found {found}"


def _check_logged(
    case: Case, position: Position, record: RawRecord, refusals: list[Refusal | None]
) -> Iterator[str]:
    if all(each is not None for each in refusals):
        reason = refusals[-1].reason if refusals[-1] is not None else ""
        yield f"{position} is in the log, but ingest must refuse it: {reason}"
    entries = case.by_source[position]
    for entry in entries:
        yield from _check_entry(case, position, record, entry)
    first = next((entry for entry in entries if not entry.is_repeated), entries[0])
    expected = case.refusal_of(first)
    letters = case.letters_by_source.get(position, [])
    if may_be_both(refusals):
        letters = [letter for letter in letters if letter.reason != "from_the_future"]
    if expected is None:
        for letter in letters[:1]:
            yield (
                f"{position} is accepted or a duplicate, but also a dead letter {letter.reason} "
                f"({letter})"
            )
        return
    reason, event_id = expected
    if not letters:
        yield f"{position} must be a dead letter {reason} but is none"
    for letter in letters:
        if letter.reason != reason:
            yield f"{position} is a dead letter {letter.reason} ({letter}), expected {reason}"
        else:
            yield from _check_letter(position, record, letter, event_id)
    yield from _check_repetitions(position, letters)


def may_be_both(refusals: list[Refusal | None]) -> bool:
    """Whether one worker can have refused what another took, for their clocks differed."""
    first, last = refusals
    return first is not None and first.reason == "from_the_future" and last is None


def _check_entry(case: Case, position: Position, record: RawRecord, entry: Entry) -> Iterator[str]:
    """One record of the log against the record of the input it comes from."""
    assert entry.origin is not None
    found, origin = entry.record, entry.origin
    assert found.key is not None
    attributes = attributes_of(record.headers)
    customer = customer_in(record.value, attributes)
    if found.value != record.value:
        yield f"{entry} has other bytes than {position}"
    if attributes_of(found.headers) != attributes:
        yield f"{entry} has other attributes than {position}"
    if (origin.key, origin.timestamp_ms) != (record.key, record.timestamp_ms):
        yield f"{entry} names another key or timestamp than {position} has"
    if customer is None or found.key != customer.encode():
        yield f"{entry} has the key {found.key!r}, but {position} is about {customer!r}"
    if entry.partition != partition_of(found.key, case.evidence.partitions):
        yield f"{entry} is in the wrong partition for the key {found.key!r}"


def _check_refused(
    case: Case, position: Position, record: RawRecord, refusals: list[Refusal | None]
) -> Iterator[str]:
    letters = case.letters_by_source.get(position, [])
    allowed = {each.reason: each.event_id for each in refusals if each is not None}
    if not letters:
        yield f"{position} is lost: neither in the log nor a dead letter"
        return
    for letter in letters:
        if not allowed:
            yield f"{position} is a dead letter {letter.reason} ({letter}), but ingest must take it"
        elif letter.reason not in allowed:
            expected = " or ".join(sorted(allowed))
            yield f"{position} is a dead letter {letter.reason} ({letter}), expected {expected}"
        else:
            yield from _check_letter(position, record, letter, allowed[letter.reason])
    yield from _check_repetitions(position, letters)


def _check_past_ingest(case: Case, position: Position, entry: Entry) -> Iterator[str]:
    """What somebody wrote into the log itself: without a key it is a dead letter in any case."""
    letters = case.letters_by_source.get(position, [])
    if not entry.is_poison:  # who has a key but no source is told of without a place
        about = entry.partition, entry.record.key, entry.record.value
        letters = [letter for letter in case.letters if letter.about == about]
    expected = _refusal_past_ingest(case, entry)
    if not letters and expected is not None:
        yield f"{entry}, written past ingest, must be a dead letter {expected.reason} but is none"
    for letter in letters:
        if expected is None or letter.reason != expected.reason:
            reason = "none" if expected is None else expected.reason
            yield f"{entry} is a dead letter {letter.reason} ({letter}), expected {reason}"
        else:
            yield from _check_letter(position, entry.record, letter, expected.event_id)
    yield from _check_repetitions(position, letters)


def _refusal_past_ingest(case: Case, entry: Entry) -> Refusal | None:
    if not entry.is_poison:
        refused = case.refused_by_engine.get((entry.partition, entry.record.offset))
        return None if refused is None else Refusal(*refused)
    attributes = attributes_of(entry.record.headers)
    found = refusal(entry.record.value, attributes, ANY_TIME)
    event_id = event_id_in(entry.record.value, attributes) if found is None else found.event_id
    if _was_erased(case, entry, customer_in(entry.record.value, attributes)):
        return Refusal("erased_customer", event_id)
    return found or Refusal("missing_field", event_id)


def _was_erased(case: Case, entry: Entry, customer_id: str | None) -> bool:
    """Whether somebody is erased before an entry of the same partition."""
    if customer_id is None:
        return False
    return any(
        earlier.record.key == customer_id.encode()
        and type_in(earlier.record.value, attributes_of(earlier.record.headers)) == _ERASURE
        and (entry.partition, earlier.record.offset) not in case.refused_by_engine
        for earlier in case.log[entry.partition]
        if earlier.record.offset < entry.record.offset
    )


def _check_letter(
    position: Position, record: RawRecord, letter: Letter, event_id: str | None
) -> Iterator[str]:
    """A dead letter of the right reason against the record it is about."""
    is_erased = letter.reason == "erased_customer"
    key, value = first_bytes(record.key, None if is_erased else record.value)
    if letter.record.value != value:
        yield f"{letter} has other bytes than {position}"
    if letter.record.key != key:
        yield f"{letter} has another key than {position}"
    original = (None, None) if is_erased else original_said(record.key, record.value)
    if (letter.said.get("original-size"), letter.said.get("original-sha256")) != original:
        yield f"{letter} says of its original other than {original}"
    if letter.origin is not None and letter.origin.timestamp_ms != record.timestamp_ms:
        yield f"{letter} names another timestamp than {position} has"
    attributes = {} if is_erased else attributes_of(record.headers)
    if attributes_of(letter.record.headers) != attributes:
        yield f"{letter} has other attributes than {position}"
    told = letter.said.get("event-id")
    if told != (None if event_id is None else event_id.encode()):
        yield f"{letter} names the event id {told!r}, expected {event_id!r}"


def _check_repetitions(position: Position, letters: list[Letter]) -> Iterator[str]:
    for letter in letters[1:]:
        if _repeatable(letter) != _repeatable(letters[0]):
            yield f"{position}: {letter} repeats {letters[0]} with other bytes"


def _repeatable(letter: Letter) -> tuple[object, ...]:
    """What a repetition must have again; `from_the_future` names the wall clock in its detail."""
    left_out = "detail" if letter.reason == "from_the_future" else ""
    headers = [each for each in letter.record.headers if each[0] != left_out]
    return letter.record.key, letter.record.value, headers


def _check_unknown(case: Case) -> Iterator[str]:
    for position, entries in case.by_source.items():
        if position not in case.inputs:
            yield f"{entries[0]} comes from {position}, where nothing is"
    without_place = {
        (entry.partition, entry.record.key, entry.record.value)
        for entry in case.past_ingest.values()
        if not entry.is_poison
    }
    for letter in case.letters:
        if letter.origin is None:
            if letter.about not in without_place:
                yield f"{letter} does not say where it was, and nothing like it is in the log"
        elif letter.origin.position not in case.inputs | case.past_ingest:
            yield f"{letter} comes from {letter.origin.position}, where nothing is"


def _check_sums(case: Case) -> Iterator[str]:
    counts = case.counts
    out = counts["accepted"] + counts["duplicates"] + counts["dead_letters"]
    if out != counts["records_in"]:
        yield (
            f"{counts['accepted']} accepted + {counts['duplicates']} duplicates + "
            f"{counts['dead_letters']} dead letters = {out}, but {counts['records_in']} "
            "records went in"
        )
