"""Which dead letters are meant, which of them are sent again, and how they are shown."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from cli.dead_letters.letter_text import json_line, text_line
from cli.dead_letters.replay import replay_headers
from config.policy_file import load_policy
from handlers.decode.decode import Limits
from handlers.reasons import CONFLICT, NOT_JSON, UNKNOWN_CURRENCY, WRONG_TOPIC, Rejection
from handlers.state.partition_state import Source
from scoring.rules import Rules
from streams.dead_letters import (
    IS_CONFLICT,
    IS_REPLAY,
    NO_PAYLOAD,
    NOT_OURS,
    STILL_BAD,
    Letter,
    ReplayCheck,
    Selection,
    letter_of,
)
from streams.kafka.dead_letter import dead_letter
from streams.kafka.headers import Origin, canonical_headers
from tests.builders import day, order, viewed

VALUE = order("o1", "10", day(1))
LETTER = Letter(
    0, 7, 5_000, b"k", VALUE, UNKNOWN_CURRENCY, Source("orders", 1, 42), 1_000, "e1", "no rate"
)
JUDGE = ReplayCheck({"orders": 2}, Limits(), Rules(load_policy()))
SAID = Rejection(UNKNOWN_CURRENCY, "no rate", "e1")
CLOUD = [("ce_specversion", b"1.0"), ("ce_id", b"e1")]


class Found(NamedTuple):
    """A record as a consumer gives it."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any


@pytest.mark.parametrize(
    ("selection", "is_taken"),
    [
        (Selection(), True),
        (Selection(reasons=frozenset({UNKNOWN_CURRENCY, NOT_JSON})), True),
        (Selection(reasons=frozenset({NOT_JSON})), False),
        (Selection(source_topic="orders"), True),
        (Selection(source_topic="browse"), False),
        (Selection(since_ms=5_000, until_ms=5_000), True),
        (Selection(since_ms=5_001), False),
        (Selection(until_ms=4_999), False),
        (Selection(key=b"k"), True),
        (Selection(key=b"K"), False),
        (Selection(reasons=frozenset({UNKNOWN_CURRENCY}), key=b"K"), False),
    ],
)
def test_a_letter_is_meant_if_every_filter_takes_it(selection: Selection, is_taken: bool) -> None:
    assert selection.takes(LETTER) is is_taken


def test_a_letter_without_headers_is_shown_unless_a_filter_asks_for_what_it_lacks() -> None:
    bare = letter_of(Found(0, 0, 5, None, b"{}", []))
    assert (bare.reason, bare.source) == ("", None)
    assert Selection().takes(bare)
    assert not Selection(source_topic="orders").takes(bare)
    assert JUDGE.objection(bare) == NOT_OURS


@pytest.mark.parametrize(
    ("letter", "objection"),
    [
        (LETTER, None),
        (LETTER._replace(value=None), NO_PAYLOAD),
        (LETTER._replace(source=Source("customer-events", 0, 1)), NOT_OURS),
        (LETTER._replace(source=Source("orders", 2, 1)), NOT_OURS),
        (LETTER._replace(replayed_from="1/40"), IS_REPLAY),
        (LETTER._replace(reason=CONFLICT), IS_CONFLICT),
        (LETTER._replace(value=b"not json"), STILL_BAD + "not_json"),
        (
            LETTER._replace(value=order("o1", "10", day(1), currency="EUR")),
            STILL_BAD + "unknown_currency",
        ),
        (LETTER._replace(value=order("o1", "-1", day(1))), STILL_BAD + "invalid_amount"),
    ],
)
def test_a_letter_is_sent_again_unless_something_speaks_against_it(
    letter: Letter, objection: str | None
) -> None:
    assert JUDGE.objection(letter) == objection


def test_a_letter_of_a_replay_and_a_conflict_are_sent_when_asked_for() -> None:
    judge = JUDGE._replace(again=True, conflicts=True)
    assert judge.objection(LETTER._replace(replayed_from="1/40", reason=CONFLICT)) is None


def test_an_event_that_was_from_the_future_is_sent_when_its_time_has_come() -> None:
    early, late = (JUDGE._replace(limits=Limits(0, latest_ms)) for latest_ms in (10**12, 10**13))
    assert early.objection(LETTER) == STILL_BAD + "from_the_future"
    assert late.objection(LETTER) is None


def test_a_record_of_another_topic_is_not_sent_to_the_wrong_one_again() -> None:
    judge = JUDGE._replace(labels={"orders": "orders"})
    view = LETTER._replace(value=viewed(day(1)), reason=WRONG_TOPIC)
    assert judge.objection(view) == STILL_BAD + WRONG_TOPIC
    assert judge.objection(LETTER) is None


def test_before_the_first_policy_only_the_shape_is_judged() -> None:
    foreign = LETTER._replace(value=order("o1", "10", day(1), currency="EUR"))
    assert JUDGE._replace(rules=None).objection(foreign) is None


def test_a_letter_says_what_its_headers_say() -> None:
    origin = Origin(Source("orders", 1, 42), 1_000, b"k")
    written = dead_letter(b"k", VALUE, origin, SAID, [*CLOUD, ("replayed-from", b"1/40")])
    headers = written.headers
    found = letter_of(Found(0, 7, 5_000, *written))
    assert found == LETTER._replace(replayed_from="1/40", headers=headers)


def test_what_a_record_calls_its_own_reason_is_not_believed() -> None:
    headers = [("reason", b"mine"), ("ce_x", b""), ("reason", b"theirs")]
    assert letter_of(Found(0, 0, 5, None, b"{}", headers)).reason == "mine"


def test_the_mark_of_a_replay_goes_with_it_through_the_log_into_its_dead_letter() -> None:
    letter = LETTER._replace(headers=[("reason", b"r"), *CLOUD, ("replayed-from", b"1/40")])
    assert letter.source is not None
    sent = replay_headers(letter, letter.source)
    assert sent == [*CLOUD, ("replayed-from", b"1/42")]
    origin = Origin(Source("orders", 1, 99), 1_000, b"k")
    logged = canonical_headers(origin, b"ana", sent)
    refused = dead_letter(b"k", VALUE, origin, SAID, logged).headers
    assert [pair for pair in refused if pair in sent] == [("replayed-from", b"1/42"), *CLOUD]


def test_keys_and_values_are_shown_only_when_asked_for() -> None:
    letter = LETTER._replace(value=b"secret-value", key=b"\xff", headers=[("ce_id", b"secret-id")])
    for line in (text_line, json_line):
        assert "secret" not in line(letter, with_payload=False)
    assert "secret-value" in text_line(letter, with_payload=True)
    told = json.loads(json_line(letter, with_payload=True))
    assert (told["value"], told["ce_id"], told["key_base64"]) == (
        "secret-value",
        "secret-id",
        "/w==",
    )


def test_a_letter_cannot_steer_a_terminal() -> None:
    letter = LETTER._replace(event_id="\x1b[2J\n", detail="a\rb")
    assert text_line(letter, with_payload=False).isprintable()
