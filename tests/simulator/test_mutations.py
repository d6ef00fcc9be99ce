"""Without any one of its safeguards the product breaks a promise, and the simulator says so."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.simulator.mutations import MUTATIONS
from tests.simulator.outcome import run_seeds
from tests.simulator.verdict import NOT_DONE

_SEEDS = range(5_000, 5_800)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("safeguard", MUTATIONS)
def test_a_promise_is_broken_without(safeguard: str) -> None:
    """By something that a consumer or an operator would see, not by work that is never done."""
    with closing(run_seeds(_SEEDS, safeguard)) as outcomes:
        assert any(set(outcome.problems) - {NOT_DONE} for outcome in outcomes), (
            f"nothing is worse without: {safeguard}"
        )
