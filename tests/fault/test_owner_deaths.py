"""Owners of a partition that die in mid-flush, again and again, for as long as asked.

`make soak FAULTS=1000 SEED=7` runs so many deaths from that seed on; the seed of a history that
fails is in the message, and `FAULTS=1 SEED=<it>` runs that one alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from random import Random

import pytest

from tests.support.deaths import deaths_change_nothing

_DEATHS_A_HISTORY = 8


@pytest.mark.soak
def test_deaths_change_nothing_for_a_consumer(
    record_property: Callable[[str, object], None],
) -> None:
    faults, seed = int(os.environ.get("FAULTS", "200")), int(os.environ.get("SEED", "1"))
    deaths = 0
    while deaths < faults:
        try:
            deaths += max(1, deaths_change_nothing(Random(seed), _DEATHS_A_HISTORY))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
        seed += 1
    record_property("deaths", deaths)
    record_property("last_seed", seed - 1)
    logging.getLogger(__name__).info("%s deaths, up to seed %s", deaths, seed - 1)
