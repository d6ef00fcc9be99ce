"""A policy's round, however few customers go at a time, changes when outputs go out, not which."""

from __future__ import annotations

import json
from collections import defaultdict
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.driver import Run, run
from tests.property.test_against_oracle import activation, compare, with_ticks
from tests.simulator.mutation import Mutation
from tests.simulator.round_mutations import SEEN_BY_THE_ORACLE
from tests.support.histories import History, random_policy

pytestmark = [pytest.mark.slow, pytest.mark.always]


def _log(random: Random, policies: int) -> tuple[list[bytes], dict[str, Any]]:
    """A live log in which so many further policies come, if several then while a round is on."""
    policy = random_policy(random, middle_tier=True)
    history = History(random, random.choice([3, 8]), random.choice([60, 200]))
    other = {**random_policy(random, middle_tier=True), "version": "next"}
    lines = with_ticks(random, history.lines(90), policy, other)
    for number in range(1, policies):
        other = {**random_policy(random, middle_tier=True), "version": f"next{number}"}
        lines.insert(random.randint(len(lines) // 3, len(lines)), activation(f"n{number}", other))
    return lines, policy


def _in_turns(random: Random, lines: list[bytes]) -> list[bytes]:
    """The same log, with policies under which so many customers go at a time."""
    found = []
    for line in lines:
        if b'"policy.activated"' in line and random.random() < 0.9:
            line = json.dumps({**json.loads(line), "at_a_time": random.randint(1, 3)}).encode()
        found.append(line)
    return found


def _by_customer(found: Run) -> dict[str, list[bytes | None]]:
    outputs: dict[str, list[bytes | None]] = defaultdict(list)
    for output in found.collected.outputs:
        outputs[output.customer_id].append(output.value)
    return outputs


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_every_customer_has_the_same_outputs_as_if_all_went_at_once(seed: int) -> None:
    random = Random(seed)
    lines, _ = _log(random, 1)
    at_once, in_turns = run(lines), run(_in_turns(random, lines))
    assert _by_customer(in_turns) == _by_customer(at_once)
    assert in_turns.collected.dead_letters == at_once.collected.dead_letters
    assert in_turns.report.accepted == at_once.report.accepted


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_rounds_come_to_what_the_oracle_makes_of_them(seed: int) -> None:
    """Several policies, also while a round is on, each with its own number of customers."""
    random = Random(seed)
    lines, policy = _log(random, random.randint(1, 7))
    lines = _in_turns(random, lines)
    compare(run(lines), oracle.run(lines, policy, mode="live", final_fire=False))


def _differs(seed: int) -> bool:
    """Whether the product comes to something else than the oracle, or to nothing."""
    random = Random(seed)
    lines, policy = _log(random, random.randint(1, 7))
    lines = _in_turns(random, lines)
    try:
        compare(run(lines), oracle.run(lines, policy, mode="live", final_fire=False))
    except Exception:  # the point is that it fails
        return True
    return False


@pytest.mark.plain("edits functions of the core in memory")
@pytest.mark.parametrize("mutation", SEEN_BY_THE_ORACLE, ids=lambda each: each.safeguard)
def test_the_oracle_sees_when_a_safeguard_of_rounds_is_missing(mutation: Mutation) -> None:
    with mutation.in_force():
        assert _differs(mutation.killed_by)
    assert not _differs(mutation.killed_by)
