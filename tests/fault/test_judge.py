"""The judge takes an episode as it must be, and each kind of damage to it makes him say what."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from handlers.state.formats import NEWEST
from tests.fault.evidence import (
    CHANGELOG,
    INPUT_TOPICS,
    LETTERS_TOPIC,
    LOG_TOPIC,
    OUTPUT_TOPICS,
    PROFILES_TOPIC,
    Evidence,
    FaultSpan,
    Header,
    RawRecord,
    Sample,
)
from tests.fault.healthy_episode import PARTITIONS, HealthyEpisode
from tests.fault.judge import figures, judge, verdict
from tests.fault.judge.recovery import recoveries
from tests.harness.life import ProcessLife

_SHAPE_REASONS = ("not_json", "missing_field", "from_the_future")
_ENGINE_REASONS = ("conflict", "unknown_currency", "invalid_value")
_REASONS = (*_SHAPE_REASONS, *_ENGINE_REASONS, "erased_customer")
_AT_THE_END = -1


@pytest.fixture(scope="module")
def played() -> Evidence:
    return HealthyEpisode(seed=3, steps=70, per_step=2, customers=6).play()


@pytest.fixture
def evidence(played: Evidence) -> Evidence:
    """One to be damaged."""
    topics = {
        topic: {number: list(records) for number, records in partitions.items()}
        for topic, partitions in played.topics.items()
    }
    redis = {customer: dict(fields) for customer, fields in played.redis.items()}
    return dataclasses.replace(played, topics=topics, redis=redis)


class Found(NamedTuple):
    """A record, and where it is."""

    topic: str
    partition: int
    record: RawRecord

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.record.offset}"


def every(evidence: Evidence, *topics: str) -> Iterator[Found]:
    for topic in topics:
        for partition, records in evidence.topics[topic].items():
            for record in records:
                yield Found(topic, partition, record)


def one(evidence: Evidence, topic: str, fits: Callable[[Found], bool], which: int = 0) -> Found:
    return [found for found in every(evidence, topic) if fits(found)][which]


def remove(evidence: Evidence, *gone: Found) -> None:
    for found in gone:
        records(evidence, found.topic, found.partition).remove(found.record)


def change(evidence: Evidence, found: Found, **changes: Any) -> None:
    there = records(evidence, found.topic, found.partition)
    there[there.index(found.record)] = dataclasses.replace(found.record, **changes)


def append(evidence: Evidence, topic: str, partition: int, record: RawRecord) -> Found:
    there = records(evidence, topic, partition)
    added = dataclasses.replace(record, offset=there[-1].offset + 1 if there else 0)
    there.append(added)
    return Found(topic, partition, added)


def move(evidence: Evidence, found: Found) -> None:
    """To a partition where it does not belong."""
    remove(evidence, found)
    append(evidence, found.topic, (found.partition + 1) % PARTITIONS, found.record)


def records(evidence: Evidence, topic: str, partition: int) -> list[RawRecord]:
    found = evidence.topics[topic][partition]
    assert isinstance(found, list)
    return found


def header(record: RawRecord, name: str) -> str:
    return next(
        (value.decode() for key, value in record.headers if key == name and value is not None), ""
    )


def with_header(record: RawRecord, name: str, value: bytes) -> tuple[Header, ...]:
    return tuple((key, value if key == name else was) for key, was in record.headers)


def data(found: Found) -> dict[str, Any]:
    assert found.record.value is not None
    said: dict[str, Any] = json.loads(found.record.value)["data"]
    return said


def edited(found: Found, **changes: Any) -> bytes:
    """The output or profile with other data."""
    assert found.record.value is not None
    envelope = json.loads(found.record.value)
    return json.dumps({**envelope, "data": {**envelope["data"], **changes}}).encode()


def source(found: Found) -> tuple[str, int, int]:
    """Where a record of the log, or a dead letter, comes from."""
    if found.topic == LOG_TOPIC:
        partition, offset, _, topic = header(found.record, "source").split("/")
    else:
        topic, partition, offset = (
            header(found.record, f"source-{name}") for name in ("topic", "partition", "offset")
        )
    return topic.removeprefix("p."), int(partition), int(offset)


def is_event(found: Found) -> bool:
    """As it came in."""
    return found.record.key is not None and not is_forwarded(found)


def is_forwarded(found: Found) -> bool:
    """From one customer to another."""
    return header(found.record, "onward") != ""


def is_letter_of(*reasons: str) -> Callable[[Found], bool]:
    """Of a record of the inputs."""
    return lambda found: (
        header(found.record, "reason") in reasons
        and header(found.record, "source-topic") != f"p.{LOG_TOPIC}"
    )


def anything(_: Found) -> bool:
    return True


def red(evidence: Evidence, *fragments: str) -> None:
    """Assert that a sentence has all of these."""
    problems = verdict(evidence)
    assert any(all(part in problem for part in fragments) for problem in problems), problems


def entries_of(evidence: Evidence, place: tuple[str, int, int]) -> list[Found]:
    return [f for f in every(evidence, LOG_TOPIC) if is_event(f) and source(f) == place]


def input_at(evidence: Evidence, place: tuple[str, int, int]) -> Found:
    topic, partition, offset = place
    return one(evidence, topic, lambda f: (f.partition, f.record.offset) == (partition, offset))


# -- what is well


@pytest.mark.parametrize("seed", range(1, 9))
def test_an_episode_as_it_must_be_is_accepted(seed: int) -> None:
    assert verdict(HealthyEpisode(seed=seed, steps=70, per_step=2, customers=6).play()) == []


def test_the_figures_tell_what_was_done(played: Evidence) -> None:
    found = figures(played)
    inputs = sum(1 for _ in every(played, *INPUT_TOPICS))
    inputs += sum(1 for each in played.sent if each.sort == "poison")
    assert found["records_in"] == inputs
    assert inputs == found["accepted"] + found["duplicates"] + found["dead_letters"]
    raw = sum(1 for _ in every(played, *OUTPUT_TOPICS))
    assert raw == found["outputs"] + found["output_repetitions"]
    for name in (
        *("accepted", "duplicates", "dead_letters", "outputs", "output_repetitions"),
        *("letter_repetitions", "log_repetitions", "outputs_after_restore", "judge_cpu_s"),
    ):
        assert found[name] > 0, name
    assert (found["lives"], found["restarts"], found["faults"]) == (5, 3, 3)
    assert 0 < found["recovery_p50_s"] <= found["recovery_p99_s"] <= found["recovery_max_s"] < 2


def test_the_command_prints_figures_and_problems(played: Evidence, tmp_path: Path) -> None:
    def told(file: Path) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fault.judge", str(file)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    played.save(tmp_path / "well")
    code, text = told(tmp_path / "well")
    assert (code, "all is well" in text, "records_in" in text) == (0, True, True)
    dataclasses.replace(played, drained_s=None).save(tmp_path / "ill")
    code, text = told(tmp_path / "ill")
    assert (code, "never drained" in text, "all is well" in text) == (1, True, False)
    code, text = told(tmp_path / "nothing")
    assert (code, "usage" in text) == (2, True)


def test_many_problems_of_a_kind_are_counted(evidence: Evidence) -> None:
    for found in list(every(evidence, *OUTPUT_TOPICS)):
        change(evidence, found, value=edited(found, policy_version="p9"))
    assert any(problem.startswith("… and ") for problem in verdict(evidence))


# -- 1: accounting


def test_a_lost_event_is_seen(evidence: Evidence) -> None:
    place = source(one(evidence, LOG_TOPIC, is_event))
    remove(evidence, *entries_of(evidence, place))
    red(evidence, f"{place[0]}/{place[1]}/{place[2]} is lost")


@pytest.mark.parametrize(
    ("reasons", "sentence"),
    [(_SHAPE_REASONS, "is lost"), (_ENGINE_REASONS, "but is none"), (("erased_customer",), "none")],
)
def test_a_missing_dead_letter_is_seen(
    evidence: Evidence, reasons: tuple[str, ...], sentence: str
) -> None:
    place = source(one(evidence, LETTERS_TOPIC, is_letter_of(*reasons)))
    remove(evidence, *[f for f in every(evidence, LETTERS_TOPIC) if source(f) == place])
    red(evidence, "/".join(map(str, place)), sentence)


@pytest.mark.parametrize("reasons", [_SHAPE_REASONS, _ENGINE_REASONS])
def test_a_dead_letter_with_another_reason_is_seen(
    evidence: Evidence, reasons: tuple[str, ...]
) -> None:
    found = one(evidence, LETTERS_TOPIC, is_letter_of(*reasons))
    headers = with_header(found.record, "reason", b"wrong_type")
    change(evidence, found, headers=headers)
    red(evidence, "is a dead letter wrong_type", "expected", header(found.record, "reason"))


def test_a_reason_other_than_the_load_expects_is_seen(evidence: Evidence) -> None:
    sent = [
        dataclasses.replace(each, reason="wrong_type") if each.reason else each
        for each in evidence.sent
    ]
    red(dataclasses.replace(evidence, sent=sent), "sent to become a dead letter wrong_type")


@pytest.mark.parametrize("reasons", [_SHAPE_REASONS, _ENGINE_REASONS])
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": b"x"}, "has other bytes than"),
        ({"key": b"x"}, "has another key than"),
        ({"source-timestamp": b"1"}, "names another timestamp than"),
        ({"event-id": b"x"}, "names the event id"),
        ({"ce_type": b"x"}, "has other attributes than"),
    ],
)
def test_a_dead_letter_that_differs_from_its_record_is_seen(
    evidence: Evidence, reasons: tuple[str, ...], changes: dict[str, bytes], sentence: str
) -> None:
    found = one(evidence, LETTERS_TOPIC, is_letter_of(*reasons))
    name, value = next(iter(changes.items()))
    if name in ("value", "key"):
        change(evidence, found, **changes)
    else:
        rest = [each for each in found.record.headers if each[0] != name]
        change(evidence, found, headers=(*rest, (name, value)))
    red(evidence, str(found), sentence)


def test_the_payload_of_an_erased_customer_in_a_dead_letter_is_seen(evidence: Evidence) -> None:
    found = one(evidence, LETTERS_TOPIC, is_letter_of("erased_customer"))
    change(evidence, found, value=b"{}")
    red(evidence, str(found), "has other bytes than")


def test_a_dead_letter_repeated_with_other_headers_is_seen(evidence: Evidence) -> None:
    found = one(evidence, LETTERS_TOPIC, is_letter_of("not_json", *_ENGINE_REASONS))
    again = append(evidence, LETTERS_TOPIC, found.partition, found.record)
    change(evidence, again, headers=with_header(again.record, "detail", b"another"))
    red(evidence, f"{LETTERS_TOPIC}/{again.partition}/", "repeats", "with other bytes")


def test_a_dead_letter_of_what_was_accepted_is_seen(evidence: Evidence) -> None:
    """And then the sum does not hold."""
    accepted = one(evidence, LOG_TOPIC, is_event)
    like = one(evidence, LETTERS_TOPIC, is_letter_of("not_json")).record
    letter = append(evidence, LETTERS_TOPIC, 0, _letter_at(source(accepted), like))
    red(evidence, "is accepted or a duplicate, but also a dead letter not_json", str(letter))
    red(evidence, "dead letters = ", "records went in")


@pytest.mark.parametrize("is_null", [False, True])
def test_a_record_that_ingest_must_refuse_and_did_not_is_seen(
    evidence: Evidence, is_null: bool
) -> None:
    letter = one(
        evidence,
        LETTERS_TOPIC,
        lambda f: is_letter_of("not_json")(f) and (f.record.value is None) == is_null,
    )
    topic, partition, offset = source(letter)
    like = one(evidence, LOG_TOPIC, is_event)
    origin = ("source", f"{partition}/{offset}/{letter.record.timestamp_ms}/p.{topic}".encode())
    entry = dataclasses.replace(like.record, value=letter.record.value, headers=(origin,))
    append(evidence, LOG_TOPIC, like.partition, entry)
    red(evidence, "is in the log, but ingest must refuse it: not_json")


def test_a_record_that_ingest_must_take_and_did_not_is_seen(evidence: Evidence) -> None:
    place = source(one(evidence, LOG_TOPIC, is_event))
    remove(evidence, *entries_of(evidence, place))
    like = one(evidence, LETTERS_TOPIC, is_letter_of("not_json")).record
    append(evidence, LETTERS_TOPIC, 0, _letter_at(place, like))
    red(evidence, "is a dead letter not_json", "but ingest must take it")


def _letter_at(place: tuple[str, int, int], like: RawRecord) -> RawRecord:
    topic, partition, offset = place
    headers = with_header(like, "source-topic", f"p.{topic}".encode())
    for name, value in (("source-partition", partition), ("source-offset", offset)):
        headers = with_header(dataclasses.replace(like, headers=headers), name, b"%d" % value)
    return dataclasses.replace(like, headers=headers)


def test_a_record_taken_early_by_a_fast_clock_may_be_a_dead_letter_too(evidence: Evidence) -> None:
    """One worker refused it as from the future, and died; the next one's clock was right."""
    late = one(evidence, LETTERS_TOPIC, is_letter_of("from_the_future"))
    refused = {source(f) for f in every(evidence, LETTERS_TOPIC) if is_letter_of(*_REASONS)(f)}
    like = one(evidence, LOG_TOPIC, lambda f: is_event(f) and source(f) not in refused, _AT_THE_END)
    behind = dataclasses.replace(evidence.clock_jumps[0], offset_ms=-90_000_000)
    evidence = dataclasses.replace(evidence, clock_jumps=[behind])
    letter = _letter_at(source(like), late.record)
    append(evidence, LETTERS_TOPIC, 0, letter)
    said = " ".join(verdict(evidence))
    assert "also a dead letter" not in said
    assert "records went in" not in said, "it is counted once"


def test_what_a_slow_clock_refused_and_comes_too_late_is_out_of_order_no_more(
    evidence: Evidence,
) -> None:
    """The next worker forwards it behind what came after it; the engine leaves it out."""
    first = one(evidence, LOG_TOPIC, is_event)
    move(evidence, first)
    assert "is broken" in " ".join(verdict(evidence))
    untimely = one(evidence, LETTERS_TOPIC, is_letter_of("from_the_future"))
    append(evidence, LETTERS_TOPIC, 0, _letter_at(source(first), untimely.record))
    assert "is broken" not in " ".join(verdict(evidence))


def test_a_record_that_nobody_sent_is_seen(evidence: Evidence) -> None:
    place = source(one(evidence, LOG_TOPIC, is_event))
    sent = [s for s in evidence.sent if (s.topic, s.partition, s.offset) != place]
    red(dataclasses.replace(evidence, sent=sent), "/".join(map(str, place)), "was never sent")


def test_a_record_without_an_acknowledgement_may_be_there_or_not(evidence: Evidence) -> None:
    lost = dataclasses.replace(evidence.sent[0], partition=None, offset=None, value=b"never there")
    there = dataclasses.replace(evidence.sent[0], partition=None, offset=None)
    assert verdict(dataclasses.replace(evidence, sent=[*evidence.sent[1:], lost, there])) == []


def test_an_acknowledged_record_that_is_not_there_is_seen(evidence: Evidence) -> None:
    sent = dataclasses.replace(evidence.sent[0], offset=99_999)
    red(dataclasses.replace(evidence, sent=[*evidence.sent, sent]), "99999 was acknowledged")


def test_an_input_that_is_not_what_was_sent_is_seen(evidence: Evidence) -> None:
    sent = dataclasses.replace(evidence.sent[0], value=b"something else")
    red(dataclasses.replace(evidence, sent=[sent, *evidence.sent[1:]]), "not what the load sent")


def test_an_event_in_the_log_that_comes_from_nowhere_is_seen(evidence: Evidence) -> None:
    found = one(evidence, LOG_TOPIC, is_event)
    headers = with_header(found.record, "source", b"0/99999/1/p.orders")
    append(evidence, LOG_TOPIC, found.partition, dataclasses.replace(found.record, headers=headers))
    red(evidence, "comes from orders/0/99999, where nothing is")


def test_a_dead_letter_that_comes_from_nowhere_is_seen(evidence: Evidence) -> None:
    found = one(evidence, LETTERS_TOPIC, is_letter_of("not_json"))
    append(evidence, LETTERS_TOPIC, 0, _letter_at(("orders", 0, 99_999), found.record))
    red(evidence, "comes from orders/0/99999, where nothing is")


def test_a_dead_letter_that_does_not_say_where_it_was_is_seen(evidence: Evidence) -> None:
    found = one(evidence, LETTERS_TOPIC, is_letter_of("not_json"))
    append(evidence, LETTERS_TOPIC, 0, dataclasses.replace(found.record, headers=()))
    red(evidence, "does not say where it was")


@pytest.mark.parametrize(
    ("topic", "name"), [(LOG_TOPIC, "source"), (LETTERS_TOPIC, "source-offset")]
)
def test_headers_that_cannot_be_read_are_seen(evidence: Evidence, topic: str, name: str) -> None:
    found = one(evidence, topic, lambda f: header(f.record, name) != "")
    change(evidence, found, headers=with_header(found.record, name, b"?"))
    red(evidence, str(found), "header")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": b"{}"}, "has other bytes than"),
        ({"key": b"somebody else"}, "is about"),
        ({"source-key": b"?"}, "names another key or timestamp"),
        ({"ce_type": b"page.viewed"}, "has other attributes than"),
    ],
)
def test_an_entry_of_the_log_that_differs_from_its_record_is_seen(
    evidence: Evidence, changes: dict[str, bytes], sentence: str
) -> None:
    found = one(evidence, LOG_TOPIC, is_event)
    name, value = next(iter(changes.items()))
    if name in ("value", "key"):
        change(evidence, found, **changes)
    else:
        kept = tuple(h for h in found.record.headers if h[0] == "source")
        change(evidence, found, headers=(*kept, (name, value)))
    red(evidence, str(found), sentence)


def test_an_entry_with_another_timestamp_is_seen(evidence: Evidence) -> None:
    found = one(evidence, LOG_TOPIC, is_event)
    partition, offset, _, topic = header(found.record, "source").split("/")
    other = f"{partition}/{offset}/1/{topic}".encode()
    change(evidence, found, headers=with_header(found.record, "source", other))
    red(evidence, str(found), "names another key or timestamp")


def test_an_entry_in_the_wrong_partition_is_seen(evidence: Evidence) -> None:
    move(evidence, one(evidence, LOG_TOPIC, is_event))
    red(evidence, "is in the wrong partition for the key")


_POISON: tuple[tuple[bytes | None, bytes | None, str], ...] = (
    (None, None, "not_json"),
    (None, b"not json", "not_json"),
    (None, b'{"type":"clock.tock","at":1}', "missing_field"),
    (None, b'{"type":"customer.erased"}', "missing_field"),
    (b"c1", b"not json", "not_json"),
)


@pytest.mark.parametrize(("key", "value", "reason"), _POISON)
def test_what_is_written_past_ingest_is_a_dead_letter(
    evidence: Evidence, key: bytes | None, value: bytes | None, reason: str
) -> None:
    poison = append(evidence, LOG_TOPIC, 0, RawRecord(0, 1, key, value, ()))
    red(evidence, str(poison), "was never sent")
    evidence = _as_sent(evidence, poison)
    assert not [problem for problem in verdict(evidence) if "never sent" in problem]
    red(evidence, str(poison), f"past ingest, must be a dead letter {reason} but is none")


@pytest.mark.parametrize(("key", "value", "reason"), _POISON)
def test_a_dead_letter_of_what_is_written_past_ingest_is_held_against_it(
    evidence: Evidence, key: bytes | None, value: bytes | None, reason: str
) -> None:
    """Which says where it was, if it is about a record without a key."""
    poison = append(evidence, LOG_TOPIC, 0, RawRecord(0, 1, key, value, ()))
    evidence = _as_sent(evidence, poison)
    headers: tuple[Header, ...] = (("reason", reason.encode()),)
    if key is None:
        headers = (
            *headers,
            ("source-topic", b"p.customer-events"),
            ("source-partition", b"0"),
            ("source-offset", b"%d" % poison.record.offset),
            ("source-timestamp", b"1"),
        )
    letter = append(evidence, LETTERS_TOPIC, 0, RawRecord(0, 1, key, value, headers))
    assert not [problem for problem in verdict(evidence) if "dead letter" in problem]
    change(evidence, letter, headers=with_header(letter.record, "reason", b"conflict"))
    red(evidence, f"{poison} is a dead letter conflict ({letter}), expected {reason}")
    if key is None:
        change(evidence, _at(evidence, letter), headers=headers, value=b"other bytes")
        red(evidence, f"{letter} has other bytes than {poison}")


def test_what_is_written_past_ingest_of_the_erased_says_only_that(evidence: Evidence) -> None:
    """Nothing of them is told, whatever else is wrong with the record."""

    def is_erasure(found: Found) -> bool:
        return is_event(found) and b'"customer.erased"' in (found.record.value or b"")

    erased = one(evidence, LOG_TOPIC, is_erasure)
    assert erased.record.key is not None
    value = b'{"type":"order.placed","customer_id":"%s"}' % erased.record.key
    record = RawRecord(0, 1, None, value, ())
    poison = append(evidence, LOG_TOPIC, erased.partition, record)
    red(
        _as_sent(evidence, poison), str(poison), "must be a dead letter erased_customer but is none"
    )


def _as_sent(evidence: Evidence, found: Found) -> Evidence:
    record = found.record
    sent = dataclasses.replace(
        evidence.sent[0],
        topic=found.topic,
        partition=found.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=record.headers,
        sort="poison",
        reason=None,
    )
    return dataclasses.replace(evidence, sent=[*evidence.sent, sent])


def _at(evidence: Evidence, found: Found) -> Found:
    """The record that is now in this place."""
    there = records(evidence, found.topic, found.partition)
    record = next(record for record in there if record.offset == found.record.offset)
    return found._replace(record=record)


def test_records_of_a_topic_made_anew_are_seen(evidence: Evidence) -> None:
    """But one topic id, whatever it is, is well."""
    entries = [f for f in every(evidence, LOG_TOPIC) if is_event(f)]
    for found in entries:
        other = header(found.record, "source").encode() + b"@made-first"
        change(evidence, found, headers=with_header(found.record, "source", other))
    assert verdict(evidence) == []
    found = one(evidence, LOG_TOPIC, is_event, _AT_THE_END)
    other = header(found.record, "source").replace("first", "last").encode()
    change(evidence, found, headers=with_header(found.record, "source", other))
    red(evidence, "the log has records of 2 topics named browse, one made after another")


# -- 2: order


def test_a_broken_order_in_the_log_is_seen(evidence: Evidence) -> None:
    found = _two_of_one_source(evidence)
    there = records(evidence, LOG_TOPIC, found[0].partition)
    first, second = (there.index(each.record) for each in found)
    there[first], there[second] = (
        dataclasses.replace(found[1].record, offset=found[0].record.offset),
        dataclasses.replace(found[0].record, offset=found[1].record.offset),
    )
    red(evidence, "the order of", "is broken")


def _two_of_one_source(evidence: Evidence) -> tuple[Found, Found]:
    """Two entries of one partition that come from one source partition and are there once."""
    seen: dict[tuple[int, str, int], Found] = {}
    for found in every(evidence, LOG_TOPIC):
        if is_event(found):
            topic, partition, _ = place = source(found)
            if len(entries_of(evidence, place)) == 1:
                where = found.partition, topic, partition
                if where in seen:
                    return seen[where], found
                seen[where] = found
    raise AssertionError("the episode is too short")


# -- 3: policies and outputs


def test_a_policy_that_is_missing_in_a_partition_is_seen(evidence: Evidence) -> None:
    remove(evidence, one(evidence, LOG_TOPIC, _is_policy, _AT_THE_END))
    red(evidence, f"partition {PARTITIONS - 1} of the log has the policies ['p1']")


def test_a_policy_that_nobody_published_is_seen(evidence: Evidence) -> None:
    red(dataclasses.replace(evidence, policies=evidence.policies[:1]), "['p1', 'p2'], published")


def test_other_settings_in_the_log_are_seen(evidence: Evidence) -> None:
    red(dataclasses.replace(evidence, allowed_lateness_ms=1), "puts other settings in force")


def test_a_log_without_a_policy_is_seen(evidence: Evidence) -> None:
    remove(evidence, *[found for found in every(evidence, LOG_TOPIC) if _is_policy(found)])
    red(evidence, "the log has no policy")


def _is_policy(found: Found) -> bool:
    return found.record.key is None and b"policy.activated" in (found.record.value or b"")


def _told_once(evidence: Evidence, topic: str, which: int = 0) -> Found:
    """An output that was not repeated."""
    told = [(data(f)["customer_id"], data(f)["sequence"]) for f in every(evidence, topic)]
    return one(
        evidence,
        topic,
        lambda f: told.count((data(f)["customer_id"], data(f)["sequence"])) == 1,
        which,
    )


@pytest.mark.parametrize("topic", ["tier-changes", "dormancy-alerts"])
def test_a_dropped_output_is_seen(evidence: Evidence, topic: str) -> None:
    """As what lacks, and as a gap in the sequence of its customer."""
    found = _told_once(evidence, topic)
    remove(evidence, found)
    customer, sequence = data(found)["customer_id"], data(found)["sequence"]
    red(evidence, f"{topic} lacks", f"of {customer} with sequence {sequence}")
    red(evidence, f"the outputs of {customer} lack sequence {sequence}")


def test_a_dropped_last_output_is_seen(evidence: Evidence) -> None:
    """Which leaves no gap."""
    newest: dict[str, Found] = {}
    for found in every(evidence, *OUTPUT_TOPICS):
        known = newest.setdefault(data(found)["customer_id"], found)
        if data(found)["sequence"] > data(known)["sequence"]:
            newest[data(found)["customer_id"]] = found
    customer, found = next(iter(newest.items()))
    remove(evidence, found)
    red(evidence, f"{found.topic} lacks", f"of {customer}")


def test_an_output_repeated_with_other_bytes_is_seen(evidence: Evidence) -> None:
    found = one(evidence, "dormancy-alerts", anything)
    again = dataclasses.replace(found.record, value=edited(found) + b" ")
    append(evidence, found.topic, found.partition, again)
    red(evidence, f"repeats {found} of", "with other bytes")


def test_an_output_repeated_as_it_was_is_well(evidence: Evidence) -> None:
    found = one(evidence, "dormancy-alerts", anything)
    append(evidence, found.topic, found.partition, found.record)
    assert verdict(evidence) == []


@pytest.mark.parametrize("topic", ["tier-changes", "dormancy-alerts"])
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"tier": "Z"}, "tier"),
        ({"policy_version": "p9"}, "policy_version"),
        ({"marketing_consent": "?"}, "marketing_consent"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_an_output_that_says_something_else_is_seen(
    evidence: Evidence, topic: str, changes: dict[str, Any], name: str
) -> None:
    found = _told_once(evidence, topic)
    change(evidence, found, value=edited(found, **changes))
    red(evidence, str(found), f"says {name}", "the oracle says")


def test_a_withdrawal_of_other_alerts_is_seen(evidence: Evidence) -> None:
    found = _told_once(evidence, "dormancy-alerts")
    change(evidence, found, value=edited(found, withdraws=["an id of nothing"]))
    red(evidence, str(found), "says withdraws [0]")


def test_an_output_that_the_oracle_does_not_know_is_seen(evidence: Evidence) -> None:
    newest = max(every(evidence, *OUTPUT_TOPICS), key=lambda found: int(data(found)["sequence"]))
    sequence = data(newest)["sequence"] + 1
    value = json.loads(edited(newest, sequence=sequence)) | {"id": "new"}
    again = dataclasses.replace(newest.record, value=json.dumps(value).encode())
    append(evidence, newest.topic, newest.partition, again)
    red(evidence, f"has sequence {sequence}, where the oracle puts nothing out")


def test_outputs_out_of_order_are_seen(evidence: Evidence) -> None:
    """A consumer drops the smaller sequence, and so loses it."""
    found = _told_once(evidence, "dormancy-alerts")
    remove(evidence, found)
    append(evidence, found.topic, found.partition, found.record)
    red(evidence, "a consumer loses it")
    red(evidence, "dormancy-alerts lacks")


def test_one_id_for_two_outputs_is_seen(evidence: Evidence) -> None:
    first, last = (_told_once(evidence, "dormancy-alerts", which) for which in (0, _AT_THE_END))
    other = json.loads(first.record.value or b"")["id"]
    value = json.dumps({**json.loads(last.record.value or b""), "id": other}).encode()
    change(evidence, last, value=value)
    red(evidence, str(last), "has the id of", "which is another output")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"source": "tierstream/other"}, "as its source"),
        ({"time": "2026-01-01T00:00:00.000Z"}, "as its time"),
        ({"type": "tier.changed"}, "which is not for that topic"),
        ({"subject": "nobody"}, "but is about"),
        ({"id": 5}, "is no output"),
    ],
)
def test_a_wrong_envelope_is_seen(
    evidence: Evidence, changes: dict[str, Any], sentence: str
) -> None:
    found = _told_once(evidence, "dormancy-alerts")
    value = json.dumps({**json.loads(found.record.value or b""), **changes}).encode()
    change(evidence, found, value=value)
    red(evidence, str(found), sentence)


def test_an_output_without_a_number_is_seen(evidence: Evidence) -> None:
    found = one(evidence, "tier-changes", anything)
    change(evidence, found, value=edited(found, sequence=0))
    red(evidence, str(found), "its sequence is 0")


@pytest.mark.parametrize("value", [None, b"not json", b"{}", b"[]"])
def test_an_output_that_is_none_is_seen(evidence: Evidence, value: bytes | None) -> None:
    found = one(evidence, "tier-changes", anything)
    append(evidence, found.topic, 0, dataclasses.replace(found.record, value=value))
    red(evidence, "is no output")


def test_an_output_under_another_key_is_seen(evidence: Evidence) -> None:
    found = one(evidence, "tier-changes", anything)
    change(evidence, found, key=b"somebody else")
    red(evidence, str(found), "has the key b'somebody else'")


def test_an_output_in_the_wrong_partition_is_seen(evidence: Evidence) -> None:
    move(evidence, one(evidence, "tier-changes", anything))
    red(evidence, "is in the wrong partition for")


# -- 4: profiles and the view


def _newest_profile(evidence: Evidence, *, is_null: bool = False) -> Found:
    newest = {found.record.key: found for found in every(evidence, PROFILES_TOPIC)}
    return next(f for f in newest.values() if (f.record.value is None) == is_null)


def test_a_stale_profile_is_seen(evidence: Evidence) -> None:
    """As a former owner's late write leaves it."""
    found = _newest_profile(evidence)
    first = one(evidence, PROFILES_TOPIC, lambda f: f.record.key == found.record.key)
    append(evidence, PROFILES_TOPIC, found.partition, first.record)
    red(evidence, "the newest profile of", "says", "the oracle says")


@pytest.mark.parametrize("name", ["tier", "recency_days", "attributes", "keeps_until", "as_of"])
def test_a_profile_that_says_something_else_is_seen(evidence: Evidence, name: str) -> None:
    found = _newest_profile(evidence)
    change(evidence, found, value=edited(found, **{name: "?"}))
    red(evidence, str(found), "newest profile of", "'?'")


def test_a_missing_profile_is_seen(evidence: Evidence) -> None:
    key = _newest_profile(evidence).record.key
    remove(evidence, *[f for f in every(evidence, PROFILES_TOPIC) if f.record.key == key])
    assert key is not None
    red(evidence, f"{PROFILES_TOPIC} has no profile of {key.decode()}")


def test_a_profile_of_nobody_is_seen(evidence: Evidence) -> None:
    found = _newest_profile(evidence)
    append(evidence, PROFILES_TOPIC, 0, dataclasses.replace(found.record, key=b"nobody"))
    red(evidence, "has a profile of 'nobody', of whom the log knows nothing")


def test_an_erased_customer_who_comes_back_is_seen(evidence: Evidence) -> None:
    found = _newest_profile(evidence, is_null=True)
    last = one(evidence, PROFILES_TOPIC, lambda f: f.record.key == found.record.key)
    assert last.record.value is not None
    append(evidence, PROFILES_TOPIC, found.partition, last.record)
    red(evidence, "is there, but the customer was erased")


def test_a_profile_that_is_null_or_none_is_seen(evidence: Evidence) -> None:
    found = _newest_profile(evidence)
    change(evidence, found, value=None)
    red(evidence, "the newest profile of", "is null")


def test_a_profile_that_is_no_event_is_seen(evidence: Evidence) -> None:
    found = _newest_profile(evidence)
    change(evidence, found, value=b"[]")
    red(evidence, "the newest profile of", "is none")


def test_a_profile_in_the_wrong_partition_is_seen(evidence: Evidence) -> None:
    key = _newest_profile(evidence).record.key
    for found in [f for f in every(evidence, PROFILES_TOPIC) if f.record.key == key]:
        move(evidence, found)
    red(evidence, PROFILES_TOPIC, "is in the wrong partition for")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("tier", "Z"), ("frequency", "99"), ("frequency", "{"), ("offset", "0")),
        *(("profile", "{}"), ("surprise", "1")),
    ],
)
def test_a_stale_field_in_redis_is_seen(evidence: Evidence, name: str, value: str) -> None:
    customer, fields = next(iter(evidence.redis.items()))
    assert isinstance(fields, dict)
    fields[name] = value
    red(evidence, f"as {name} of {customer}, the newest profile")


def test_a_field_that_redis_lacks_is_seen(evidence: Evidence) -> None:
    customer, fields = next(iter(evidence.redis.items()))
    assert isinstance(fields, dict)
    del fields["tier"]
    red(evidence, f"Redis has None as tier of {customer}")


def test_a_customer_whom_redis_lacks_is_seen(evidence: Evidence) -> None:
    customer = next(iter(evidence.redis))
    rest = {name: fields for name, fields in evidence.redis.items() if name != customer}
    red(dataclasses.replace(evidence, redis=rest), f"Redis lacks {customer}")


def test_a_customer_whom_only_redis_has_is_seen(evidence: Evidence) -> None:
    """An erased one, for instance."""
    more = {**evidence.redis, "ghost": {"tier": "A"}}
    red(dataclasses.replace(evidence, redis=more), "Redis has ghost, who has no profile")


# -- 5: commits


def _with_sample(evidence: Evidence, which: int, **changes: Any) -> Evidence:
    samples = list(evidence.samples)
    samples[which] = dataclasses.replace(samples[which], **changes)
    return dataclasses.replace(evidence, samples=samples)


@pytest.mark.parametrize(
    ("topic", "fits", "what"),
    [
        ("dormancy-alerts", anything, "output"),
        ("tier-changes", anything, "output"),
        (LETTERS_TOPIC, is_letter_of(*_ENGINE_REASONS), "dead letter"),
        (CHANGELOG, lambda found: found.record.key != b"\x00partition", "the state of"),
    ],
)
def test_a_commit_of_the_log_beyond_its_effects_is_seen(
    evidence: Evidence, topic: str, fits: Callable[[Found], bool], what: str
) -> None:
    """The last sample is taken as if the effect and what follows were not there yet."""
    effect = one(evidence, topic, fits)
    which = len(evidence.samples) - 1
    sample = evidence.samples[which]
    ends = {**sample.ends, (topic, effect.partition): effect.record.offset}
    damaged = _with_sample(evidence, which, ends=ends)
    committed = f"at {sample.at_s:.1f} s {LOG_TOPIC}/{effect.partition} is committed"
    red(damaged, committed, what, f"{topic}/{effect.partition} ends at {effect.record.offset}")


def test_a_commit_beyond_the_partitions_own_record_is_seen(evidence: Evidence) -> None:
    own = one(evidence, CHANGELOG, lambda f: f.record.key == b"\x00partition", _AT_THE_END)
    change(evidence, own, value=_repacked(own.record, applied=3))
    red(evidence, f"{LOG_TOPIC}/{own.partition} is committed", "its own record in the changelog")


@pytest.mark.parametrize("target", [LOG_TOPIC, LETTERS_TOPIC])
def test_a_commit_of_an_input_beyond_what_ingest_wrote_is_seen(
    evidence: Evidence, target: str
) -> None:
    fits = is_event if target == LOG_TOPIC else is_letter_of("not_json")
    found = one(evidence, target, fits)
    topic, partition, offset = source(found)
    which = next(
        number
        for number, sample in enumerate(evidence.samples)
        if sample.committed.get((topic, partition), 0) > offset
    )
    ends = {**evidence.samples[which].ends, (target, found.partition): found.record.offset}
    damaged = _with_sample(evidence, which, ends=ends)
    red(damaged, f"{topic}/{partition} is committed", f"but {topic}/{partition}/{offset} is not")


def test_a_commit_that_goes_back_is_seen(evidence: Evidence) -> None:
    committed = {**evidence.samples[-1].committed, (LOG_TOPIC, 0): 1}
    red(_with_sample(evidence, -1, committed=committed), f"{LOG_TOPIC}/0 is committed at 1, after")


@pytest.mark.parametrize(("ended_s", "is_wrong"), [(-1.0, False), (-6.0, True)])
def test_a_new_coordinator_may_show_what_was_committed_earlier(
    evidence: Evidence, ended_s: float, *, is_wrong: bool
) -> None:
    """For a moment after brokers came back; whoever is behind for longer has lost a commit."""
    last = evidence.samples[-1]
    damaged = _with_sample(evidence, -1, committed={**last.committed, (LOG_TOPIC, 0): 1})
    fault = FaultSpan("brokers_down", "brokers", last.at_s - 9, last.at_s + ended_s)
    damaged = dataclasses.replace(damaged, faults=[*damaged.faults, fault])
    told = [one for one in verdict(damaged) if f"{LOG_TOPIC}/0 is committed at 1" in one]
    assert bool(told) == is_wrong


def test_the_commits_of_another_topic_of_the_same_name_begin_anew(evidence: Evidence) -> None:
    last = evidence.samples[-1]
    again = dataclasses.replace(
        last,
        committed={**last.committed, ("orders", 0): 1},
        ends={**last.ends, ("orders", 0): 1},
    )
    evidence = dataclasses.replace(evidence, samples=[*evidence.samples, again])
    assert not [problem for problem in verdict(evidence) if "orders/0 is committed" in problem]


def test_a_commit_beyond_the_end_is_seen(evidence: Evidence) -> None:
    committed = {**evidence.samples[-1].committed, ("orders", 0): 99_999}
    red(_with_sample(evidence, -1, committed=committed), "orders/0 is committed at 99999, beyond")


# -- 6: epochs


def _repacked(record: RawRecord, **changes: Any) -> bytes:
    """A packed record of the changelog with other values."""
    packed = _unpacked(record.value)
    names = ("epoch", "applied", "due", "tier", "stage", "erased", "id", "sequence", "newest")
    for name, value in changes.items():
        packed[name if isinstance(packed, dict) else names.index(name)] = value
    return _packed(packed)


def _unpacked(value: bytes | None) -> Any:
    """What follows the number of the format in a record of the changelog."""
    assert value is not None
    return msgspec.msgpack.decode(value[1:])


def _packed(value: Any) -> bytes:
    """The same again, in the newest format."""
    return bytes((NEWEST,)) + msgspec.msgpack.encode(value)


def _kept_state(evidence: Evidence, *, is_erased: bool = False) -> Found:
    newest = {f.record.key: f for f in every(evidence, CHANGELOG)}
    return next(
        found
        for key, found in newest.items()
        if key != b"\x00partition" and _unpacked(found.record.value)[5] == is_erased
    )


def test_a_former_owners_late_write_that_nobody_wrote_over_is_seen(evidence: Evidence) -> None:
    found = _kept_state(evidence)
    first = one(evidence, CHANGELOG, lambda f: f.record.key == found.record.key)
    stale = dataclasses.replace(first.record, value=_repacked(first.record, epoch=0))
    append(evidence, CHANGELOG, found.partition, stale)
    judgement = judge(evidence)
    assert judgement.figures["zombie_writes"] == 1
    assert any("nobody wrote over" in problem for problem in judgement.problems)


def test_a_former_owners_late_write_that_was_written_over_is_well(evidence: Evidence) -> None:
    found = _kept_state(evidence)
    first = one(evidence, CHANGELOG, lambda f: f.record.key == found.record.key)
    stale = dataclasses.replace(first.record, value=_repacked(first.record, epoch=0))
    append(evidence, CHANGELOG, found.partition, stale)
    append(evidence, CHANGELOG, found.partition, found.record)
    judgement = judge(evidence)
    assert judgement.figures["zombie_writes"] == 1
    assert judgement.problems == []


@pytest.mark.parametrize(
    ("name", "value"), [("tier", "Z"), ("stage", "Z"), ("sequence", 0), ("newest", 1)]
)
def test_a_customer_rolled_back_is_seen(evidence: Evidence, name: str, value: Any) -> None:
    found = _kept_state(evidence)
    change(evidence, found, value=_repacked(found.record, **{name: value}))
    red(evidence, str(found), "what a restore keeps of", f"has {name}", "the oracle")


def test_an_erased_state_that_is_not_is_seen(evidence: Evidence) -> None:
    found = _kept_state(evidence, is_erased=True)
    change(evidence, found, value=_repacked(found.record, erased=False))
    red(evidence, str(found), "has erased False, the oracle True")


def test_a_missing_state_is_seen(evidence: Evidence) -> None:
    key = _kept_state(evidence).record.key
    remove(evidence, *[f for f in every(evidence, CHANGELOG) if f.record.key == key])
    assert key is not None
    red(evidence, f"has no state of {key.decode()}")


def test_a_state_of_nobody_is_seen(evidence: Evidence) -> None:
    found = _kept_state(evidence)
    record = dataclasses.replace(found.record, key=b"nobody")
    append(evidence, CHANGELOG, found.partition, record)
    red(evidence, "is a state of nobody, of whom the log knows nothing")


def test_a_state_in_the_wrong_partition_is_seen(evidence: Evidence) -> None:
    key = _kept_state(evidence).record.key
    for found in [f for f in every(evidence, CHANGELOG) if f.record.key == key]:
        move(evidence, found)
    red(evidence, CHANGELOG, "is in the wrong partition for")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": None}, "it has no value"),
        ({"value": b"\xc1"}, "it is no msgpack"),
        ({"value": b"\x90"}, "it is no customer"),
        ({"value": b"\x90", "key": b"\x00partition"}, "it is no partition's own record"),
        ({"key": None}, "it has no key"),
    ],
)
def test_a_record_of_the_changelog_that_is_none_is_seen(
    evidence: Evidence, changes: dict[str, Any], sentence: str
) -> None:
    found = _kept_state(evidence)
    again = dataclasses.replace(found.record, **changes)
    append(evidence, CHANGELOG, found.partition, again)
    red(evidence, CHANGELOG, sentence)


def test_an_event_that_was_never_applied_is_seen(evidence: Evidence) -> None:
    for partition in range(PARTITIONS):
        for found in list(every(evidence, CHANGELOG)):
            if found.partition == partition and found.record.key == b"\x00partition":
                change(evidence, found, value=_repacked(found.record, applied=5))
    red(evidence, "are not applied: the partition's own record stands at 5")


# -- 7: recovery


def _lagging(evidence: Evidence, until_s: float) -> Evidence:
    samples = [
        dataclasses.replace(sample, lag=100 if 42 <= sample.at_s < until_s else 0)
        for sample in evidence.samples
    ]
    long = [
        dataclasses.replace(samples[-1], at_s=at_s, lag=100 if at_s < until_s else 0)
        for at_s in range(int(samples[-1].at_s) + 1, 140)
    ]
    return dataclasses.replace(evidence, samples=[*samples, *long])


def test_a_recovery_within_a_minute_is_well(evidence: Evidence) -> None:
    slow = _lagging(evidence, 100)
    assert verdict(slow) == []
    assert figures(slow)["recovery_max_s"] == 58.0


def test_a_slow_recovery_is_seen(evidence: Evidence) -> None:
    red(_lagging(evidence, 110), "after broker_pause, healed at 42.0 s,", "only 68.0 s later")


def test_a_recovery_that_never_comes_is_seen(evidence: Evidence) -> None:
    red(_lagging(evidence, 1_000), "after broker_pause", "the lag was never under 100 again")


def test_faults_that_overlap_are_recovered_from_together(evidence: Evidence) -> None:
    faults = [
        FaultSpan("kill", "worker-0", 10.0, 10.0),
        FaultSpan("freeze", "worker-1", 9.0, 30.0),
        FaultSpan("slow", "worker-1", 29.0, 31.5),
        FaultSpan("redis_kill", "redis", 50.0, 52.0),
    ]
    samples = [
        dataclasses.replace(sample, lag=500 if 9 <= sample.at_s < 35 else 0)
        for sample in evidence.samples
    ]
    found = recoveries(dataclasses.replace(evidence, faults=faults, samples=samples))
    assert [(each.kinds, each.seconds) for each in found] == [
        (("freeze", "kill", "slow"), 3.5),
        (("redis_kill",), 0.0),
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"samples": ()}, "there are no samples"),
        ({"drained_s": None}, "was never drained"),
        ({"restored_s": None}, "no fresh worker restored"),
    ],
)
def test_an_end_that_was_not_reached_is_seen(
    evidence: Evidence, changes: dict[str, Any], sentence: str
) -> None:
    red(dataclasses.replace(evidence, **changes), sentence)


# -- 8: memory


def _growing(evidence: Evidence, mib_a_minute: float, seconds: int) -> Evidence:
    samples = [
        dataclasses.replace(
            sample,
            rss_bytes={"projector": int((100 + mib_a_minute / 60 * sample.at_s) * (1 << 20))},
        )
        for sample in _stretched(evidence, seconds)
    ]
    return dataclasses.replace(evidence, samples=samples)


def test_a_slope_of_memory_is_seen(evidence: Evidence) -> None:
    grew = "projector (pid 15, from 8.5 s on) grew by 30.0 MiB a minute, its load explains"
    red(_growing(evidence, 30, 80), grew)


def test_a_small_slope_is_seen_in_a_long_life_only(evidence: Evidence) -> None:
    """In a short one it may be something that happens once."""
    short, long = _growing(evidence, 5, 80), _growing(evidence, 5, 900)
    assert not [problem for problem in verdict(short) if "MiB a minute" in problem]
    red(long, "grew by 5.0 MiB a minute, its load explains 3.")


def test_a_step_of_memory_is_no_slope(evidence: Evidence) -> None:
    samples = [
        dataclasses.replace(
            sample, rss_bytes={"projector": (300 if sample.at_s > 100 else 100) << 20}
        )
        for sample in _stretched(evidence, 80)
    ]
    stepping = dataclasses.replace(evidence, samples=samples)
    assert not [problem for problem in verdict(stepping) if "MiB a minute" in problem]


def _stretched(evidence: Evidence, seconds: int) -> list[Sample]:
    """The samples of an episode that took so much longer."""
    last = evidence.samples[-1]
    more = [dataclasses.replace(last, at_s=last.at_s + second) for second in range(1, seconds)]
    return [*evidence.samples, *more]


# -- 9: exits


def _with_life(evidence: Evidence, **changes: Any) -> Evidence:
    life = ProcessLife("worker-1", 77, 20.0, 38.0, 1, "tierstream: no Kafka broker answers")
    changed = dataclasses.replace(life, **changes)
    return dataclasses.replace(evidence, processes=[*evidence.processes, changed])


def test_an_end_with_a_clear_sentence_is_well(evidence: Evidence) -> None:
    assert verdict(_with_life(evidence)) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"exit_code": 0}, "ended by itself with exit code 0"),
        ({"last_line": ""}, "no clear sentence"),
        ({"last_line": "KeyError: 'orders'"}, "no clear sentence"),
        ({"last_line": '{"level": "critical", "message": "failed"}'}, "no clear sentence"),
        ({"last_line": '{"level": "info", "message": "worker ended with code 1"}'}, "no clear"),
        ({"last_line": '{"level": "crit'}, "no clear sentence"),
        ({"exit_code": -11}, "died of signal 11"),
        ({"exit_code": -15}, "died of signal 15"),
    ],
)
def test_a_silent_or_strange_exit_is_seen(
    evidence: Evidence, changes: dict[str, Any], sentence: str
) -> None:
    red(_with_life(evidence, **changes), "worker-1 (pid 77), ended at 38.0 s,", sentence)


def _asked(evidence: Evidence, **changes: Any) -> Evidence:
    faults = [*evidence.faults, FaultSpan("terminate", "worker-1", 36.0, 36.0)]
    return _with_life(dataclasses.replace(evidence, faults=faults), **changes)


def test_who_is_asked_to_end_must_succeed(evidence: Evidence) -> None:
    assert verdict(_asked(evidence, exit_code=0)) == []
    red(_asked(evidence), "was asked to end, but ended with exit code 1")


def test_who_is_asked_to_end_amid_another_fault_may_fail(evidence: Evidence) -> None:
    assert verdict(_asked(evidence, ended_s=43.0)) == []


def test_who_is_asked_to_end_while_starting_may_die_of_it(evidence: Evidence) -> None:
    assert verdict(_asked(evidence, started_s=35.0, exit_code=-15)) == []
    red(_asked(evidence, exit_code=-15), "died of signal 15")


@pytest.mark.parametrize(
    ("kind", "name"), [("storm", "guest-0"), ("crowd", "guest-projector"), ("crowd", "guest-api")]
)
def test_guests_come_and_go_while_they_are_asked_to(
    evidence: Evidence, kind: str, name: str
) -> None:
    faults = [*evidence.faults, FaultSpan(kind, "guests", 19.0, 28.0)]
    with_guests = dataclasses.replace(evidence, faults=faults)
    assert verdict(_with_life(with_guests, name=name, exit_code=0)) == []
    red(_with_life(evidence, name=name, exit_code=0), "ended by itself")
    red(_with_life(with_guests, name=name, exit_code=1, last_line="  File"), "exit code 1")


def test_an_episode_without_processes_is_none(evidence: Evidence) -> None:
    red(dataclasses.replace(evidence, processes=()), "there are no processes")


# -- 10: what passes from one customer to another


def is_transfer(found: Found) -> bool:
    return is_forwarded(found) and '"customer.transferred"' in header(found.record, "onward")


def is_followed(found: Found) -> bool:
    return is_forwarded(found) and '"customer.followed"' in header(found.record, "onward")


def copies_of(evidence: Evidence, forwarded: Found) -> list[Found]:
    place = header(forwarded.record, "onward-from")
    return [f for f in every(evidence, LOG_TOPIC) if header(f.record, "onward-from") == place]


def forwarded(found: Found, **changes: Any) -> tuple[Header, ...]:
    """The headers of a forwarded record that says something else."""
    said = json.loads(header(found.record, "onward")) | changes
    return with_header(found.record, "onward", json.dumps(said).encode())


def test_the_episode_has_merges_that_hold_and_some_that_come_back(played: Evidence) -> None:
    found = figures(played)
    assert found["forwarded"] > found["forwarded_back"] > 0
    assert any(len(copies_of(played, f)) > 1 for f in every(played, LOG_TOPIC) if is_forwarded(f))


@pytest.mark.parametrize("fits", [is_transfer, is_followed])
def test_what_never_arrives_is_seen(evidence: Evidence, fits: Callable[[Found], bool]) -> None:
    found = one(evidence, LOG_TOPIC, fits, _AT_THE_END)
    remove(evidence, *copies_of(evidence, found))
    red(evidence, f"{LOG_TOPIC}/{header(found.record, 'onward-from')} must go on to", "nowhere")


@pytest.mark.parametrize("fits", [is_transfer, is_followed])
def test_what_arrives_in_another_partition_is_seen(
    evidence: Evidence, fits: Callable[[Found], bool]
) -> None:
    found = one(evidence, LOG_TOPIC, fits, _AT_THE_END)
    copies = copies_of(evidence, found)
    remove(evidence, *copies[1:])
    move(evidence, copies[0])
    red(evidence, "must go on to", f"{LOG_TOPIC}/{(found.partition + 1) % PARTITIONS}/")


def test_what_arrives_in_two_partitions_is_seen(evidence: Evidence) -> None:
    found = one(evidence, LOG_TOPIC, is_followed)
    append(evidence, LOG_TOPIC, (found.partition + 1) % PARTITIONS, found.record)
    red(evidence, "must go on to", f"{LOG_TOPIC}/{found.partition}/{found.record.offset}, ")


@pytest.mark.parametrize("fits", [is_transfer, is_followed])
def test_what_nothing_passed_on_is_seen(evidence: Evidence, fits: Callable[[Found], bool]) -> None:
    found = one(evidence, LOG_TOPIC, fits)
    headers = with_header(found.record, "onward-from", b"0/0")
    append(evidence, LOG_TOPIC, found.partition, dataclasses.replace(found.record, headers=headers))
    red(evidence, "0/0")


def test_what_arrives_behind_a_later_record_is_seen(evidence: Evidence) -> None:
    """A reader of the log takes it for a repetition."""
    by_origin: dict[tuple[int, int], list[Found]] = {}
    for found in filter(is_forwarded, every(evidence, LOG_TOPIC)):
        origin = int(header(found.record, "onward-from").partition("/")[0])
        by_origin.setdefault((found.partition, origin), []).append(found)
    first, later = next(
        (found[0], found[1])
        for found in by_origin.values()
        if len(found) > 1
        and header(found[0].record, "onward-from") != header(found[1].record, "onward-from")
    )
    remove(evidence, *copies_of(evidence, first))
    append(evidence, LOG_TOPIC, first.partition, first.record)
    red(evidence, f"after {first.partition} had what follows from", "a reader drops it")
    assert later.partition == first.partition


@pytest.mark.parametrize(
    ("fits", "changes", "sentence"),
    [
        (is_followed, {"into": "nobody"}, "has come by"),
        (is_followed, {"via": [["nobody", 1]]}, "has come by"),
        (is_transfer, {"back": ["nobody", 1]}, "has come by"),
        (is_transfer, {"customer_id": "nobody"}, "expected are"),
        (is_transfer, {"event_id": "another"}, "expected are"),
        (is_transfer, {"type": "customer.followed"}, "no such thing"),
    ],
)
def test_a_forwarded_record_that_says_something_else_is_seen(
    evidence: Evidence, fits: Callable[[Found], bool], changes: dict[str, Any], sentence: str
) -> None:
    """Also in a repetition that a reader leaves out."""
    found = one(evidence, LOG_TOPIC, fits)
    again = dataclasses.replace(found.record, headers=forwarded(found, **changes))
    append(evidence, LOG_TOPIC, found.partition, again)
    red(evidence, f"{LOG_TOPIC}/{found.partition}/", sentence)


@pytest.mark.parametrize(
    ("fits", "name", "sentence"),
    [
        (is_transfer, "onward-event", "has other bytes than"),
        (is_transfer, "source", "where nothing is"),
        (is_followed, "source", "where nothing is"),
        (is_followed, "onward", "not as documented"),
        (is_followed, "onward-from", "not as documented"),
    ],
)
def test_a_forwarded_record_that_lost_what_upstream_sent_is_seen(
    evidence: Evidence, fits: Callable[[Found], bool], name: str, sentence: str
) -> None:
    found = one(evidence, LOG_TOPIC, fits)
    other = b"0/99999/1/p.profiles" if name == "source" else b"?"
    change(evidence, found, headers=with_header(found.record, name, other))
    red(evidence, str(found), sentence)


def test_an_event_that_follows_with_other_bytes_is_seen(evidence: Evidence) -> None:
    found = one(evidence, LOG_TOPIC, is_followed)
    append(evidence, LOG_TOPIC, found.partition, dataclasses.replace(found.record, value=b"{}"))
    red(evidence, "has other bytes than")


def test_a_merge_that_came_back_and_is_no_dead_letter_is_seen(evidence: Evidence) -> None:
    back = one(
        evidence,
        LOG_TOPIC,
        lambda f: is_transfer(f) and json.loads(header(f.record, "onward"))["via"] == [],
    )
    letters = [f for f in every(evidence, LETTERS_TOPIC) if source(f) == source(back)]
    assert letters
    remove(evidence, *letters)
    red(evidence, "must be a dead letter invalid_value but is none")


def test_a_profile_of_one_who_was_merged_is_seen(evidence: Evidence) -> None:
    gone = merged_in_the_end(evidence)
    found = one(evidence, PROFILES_TOPIC, lambda f: f.record.key == gone, _AT_THE_END)
    there = one(evidence, PROFILES_TOPIC, lambda f: f.record.value is not None).record
    append(evidence, PROFILES_TOPIC, found.partition, dataclasses.replace(there, key=gone))
    red(evidence, "is there, but the customer was merged into")


def test_a_state_that_leads_to_somebody_else_is_seen(evidence: Evidence) -> None:
    gone = merged_in_the_end(evidence)
    for found in [f for f in every(evidence, CHANGELOG) if f.record.key == gone]:
        packed = _unpacked(found.record.value)
        if packed[_MOVED] is not None:
            packed[_MOVED][0] = "nobody"
            change(evidence, found, value=_packed(packed))
    red(evidence, "leads to 'nobody', in the oracle to")


def merged_in_the_end(evidence: Evidence) -> bytes:
    """Somebody whose last state is a marker."""
    newest = {found.record.key: found.record.value for found in every(evidence, CHANGELOG)}
    return next(
        key
        for key, value in newest.items()
        if key is not None
        and isinstance(packed := _unpacked(value), list)
        and packed[_MOVED] is not None
    )


_MOVED = 25
"""Where a packed customer says where it went."""
