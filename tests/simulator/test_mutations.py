"""Without any one of its safeguards the product breaks a promise, and the simulator says so."""

from __future__ import annotations

import os

import pytest

from tests.simulator.mutations import MUTATIONS
from tests.simulator.outcome import find_killer, is_killed, outcome_of, search_command

pytestmark = pytest.mark.plain("edits functions of the core in memory")

_SEEDS = range(5_000, 5_800)
_SOAK_SEEDS = 5_000


@pytest.mark.timeout(1_800)  # for the search alone, which ends in a failure
@pytest.mark.parametrize("safeguard", MUTATIONS)
def test_a_promise_is_broken_without(safeguard: str) -> None:
    """By something that a consumer or an operator would see, not by work that is never done."""
    mutation = MUTATIONS[safeguard]
    with mutation.in_force():
        outcome = outcome_of(mutation.killed_by)
    if is_killed(outcome):
        return
    found = find_killer(_SEEDS, safeguard)
    assert found is not None, (
        f"nothing is worse without: {safeguard}; to search on: {search_command(safeguard)}"
    )
    pytest.fail(
        f"seed {mutation.killed_by} breaks no promise any more without: {safeguard}; seed {found} "
        f"does: make it `killed_by`. It is found by: {search_command(safeguard)}"
    )


@pytest.mark.soak
@pytest.mark.parametrize("safeguard", MUTATIONS)
def test_other_histories_break_a_promise_without(safeguard: str) -> None:
    """So that a safeguard does not hang on one seed."""
    first = int(os.environ.get("SEED", "1"))
    assert find_killer(range(first, first + _SOAK_SEEDS), safeguard) is not None, (
        f"nothing is worse without: {safeguard}"
    )
