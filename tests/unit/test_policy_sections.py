"""The sections that a policy may leave out: what is read, and what is refused."""

from __future__ import annotations

import msgspec
import pytest

from config.policy_file import PolicyError, parse_policy
from handlers.control_records import PolicyActivated, decode_control, encode_control
from scoring.policy import Health, Holdout, Policy, Satisfaction
from scoring.rules import Rules

BOTH = "[satisfaction]\n[health]\n"


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text)
    return refused.value.problems


def test_a_policy_without_the_sections_has_none_of_them() -> None:
    policy = parse_policy("")
    assert (policy.satisfaction, policy.health, policy.holdout) == (None, None, None)


def test_an_empty_section_has_the_defaults() -> None:
    policy = parse_policy(BOTH)
    assert (policy.satisfaction, policy.health) == (Satisfaction(), Health())


def test_every_key_is_read() -> None:
    policy = parse_policy(
        "[satisfaction]\nanswers = 5\nresolutions = 7\n"
        "[health]\nrecency = 2\nfrequency = 0.5\nmonetary = 1\nlevel = 0\nsatisfaction = 3\n"
        "support = 4\ncomplaint_cost = 60\nticket_cost = 5\n"
        '[holdout]\nshare = 0.05\nsalt = "2026-spring"\n'
    )
    assert policy.satisfaction == Satisfaction(5, 7)
    assert policy.health == Health("2", "0.5", "1", "0", "3", "4", 60, 5)
    assert policy.holdout == Holdout("0.05", "2026-spring")
    Rules(policy)


def test_a_policy_of_an_earlier_log_has_no_sections() -> None:
    """Records written before there were any are still read."""
    record = PolicyActivated("p1", "app", "replay", 0, Policy())
    document = msgspec.json.decode(encode_control(record))
    for name in ("satisfaction", "health", "holdout"):
        del document["policy"][name]
    assert decode_control(msgspec.json.encode(document)) == record


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("satisfaction = 5", "satisfaction: must be a table"),
        (
            "[satisfaction]\nanswers = 0",
            "satisfaction.answers: must be a whole number from 1 to 32",
        ),
        ("[satisfaction]\nanswers = 33", "satisfaction.answers: must be a whole number from 1"),
        ("[satisfaction]\nresolutions = 1.5", "satisfaction.resolutions: must be a whole number"),
        ("[satisfaction]\nanswer = 5", "satisfaction.answer: unknown key, did you mean answers?"),
        ("[health]", "health.satisfaction: needs a [satisfaction] section, or the weight 0"),
        (BOTH + "recency = -1", "health.recency: must be a decimal from 0"),
        (BOTH + "level = true", "health.level: must be a decimal from 0"),
        (BOTH + "complaint_cost = 101", "health.complaint_cost: must be a whole number from 0"),
        (BOTH + "ticket_cost = -1", "health.ticket_cost: must be a whole number from 0"),
        (BOTH + "colour = 1", "health.colour: unknown key"),
        (
            BOTH + "recency = 0\nfrequency = 0\nlevel = 0\nsatisfaction = 0\nsupport = 0",
            "health.recency: at least one weight must be above 0",
        ),
        ("[holdout]\nshare = 0.1", "holdout.salt: must be a text of 1 to 128 characters"),
        ('[holdout]\nshare = 0\nsalt = "s"', "holdout.share: must be above 0 and below 1, got 0"),
        ('[holdout]\nshare = "1.0"\nsalt = "s"', "holdout.share: must be above 0 and below 1"),
        ('[holdout]\nshare = "10%"\nsalt = "s"', "holdout.share: must be a decimal from 0"),
        ('[holdout]\nsalt = "s"\nseed = 1', "holdout.seed: unknown key"),
    ],
)
def test_a_wrong_section_is_refused_with_its_key_and_the_reason(text: str, problem: str) -> None:
    assert any(found.startswith(problem) for found in problems(text)), problems(text)
