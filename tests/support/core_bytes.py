"""Every byte that the core makes of random histories, so that two builds can be compared.

`python -m tests.support.core_bytes 1 50` prints the build it runs on, and a line for each seed from
1 to 49 with a digest of each kind of result.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from random import Random

from config.build import build
from config.policy_file import check_policy
from handlers.explain.build import explain
from handlers.state.formats import NEWEST
from tests.driver import Driver
from tests.support.practice_histories import PracticeHistory, random_practice_policy

_LINES = 60
_FLUSH_LINES = 15


def digests(seed: int) -> dict[str, str]:
    """A digest of the states, outputs, profiles, explanations and dead letters of one history."""
    random = Random(seed)
    policies = [check_policy(random_practice_policy(random, middle_tier=True)) for _ in range(2)]
    lines = PracticeHistory(random, 4, 200, merges=True).lines(_LINES)
    driver = Driver(policies[0], format_number=NEWEST)
    partition, states, profiles, why = driver.partition, sha256(), sha256(), sha256()
    for start in range(0, _LINES, _FLUSH_LINES):
        driver.feed(*lines[start : start + _FLUSH_LINES])
        if start == _FLUSH_LINES:
            driver.activate(policies[1], at_a_time=2)
        stale, partition.stale_profiles = partition.stale_profiles, {}
        for customer_id in stale:
            profiles.update(repr(partition.profile(customer_id)).encode())
            customer = partition.store.get(customer_id)
            if customer is not None and not customer.erased:
                standing = partition.standing_of(customer)
                told = explain(customer, standing.rules, standing.now_ms)
                why.update(repr(told).encode())
        states.update(repr(partition.store.pack_changed(1, partition.meta.format)).encode())
    partition.finish(10**6, partition.meta.clock_ms + 400 * 86_400_000)
    outputs = [*driver.outputs, *partition.context.outbox]
    states.update(repr(partition.store.pack_changed(2, partition.meta.format)).encode())
    return {
        "states": states.hexdigest(),
        "outputs": sha256(repr(outputs).encode()).hexdigest(),
        "profiles": profiles.hexdigest(),
        "explanations": why.hexdigest(),
        "dead letters": sha256(repr(driver.dead_letters).encode()).hexdigest(),
        "failures": str([failure.rejection.detail for failure in partition.failures]),
        "counts": repr(partition.context.tally),
    }


def main() -> None:
    """Print the lines."""
    sys.stdout.write(f"{build()}\n")
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(f"{seed} {digests(seed)}\n")


if __name__ == "__main__":
    main()
