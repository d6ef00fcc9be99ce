"""Owners that die in mid-flush, and the comparison with one that lives."""

from __future__ import annotations

from random import Random

from config.policy import check_policy
from handlers.customer import unpack
from tests.support.histories import History, random_policy
from tests.support.owner import Durable, Owner, as_consumed, replay_log


def deaths_change_nothing(random: Random, most_deaths: int) -> int:
    """Run a random log with owners that die, and with one that does not; how many died.

    Asserts that a consumer sees the same, that the states are the same, and that every repeated
    output is the same to the byte.
    """
    log = random_log(random)
    whole, crashed = Durable(), Durable()
    finish(Owner(log, whole))
    deaths = 0
    for _ in range(most_deaths):
        owner = Owner(log, crashed)
        lives = True
        while lives and owner.run(random.randint(1, 25)):
            lives = _flush_or_die(owner, random)
        deaths += not lives
    finish(Owner(log, crashed))
    assert as_consumed(crashed.outputs) == as_consumed(whole.outputs)
    assert set(crashed.dead_letters) == set(whole.dead_letters)
    assert comparable(crashed) == comparable(whole)
    return deaths


def random_log(random: Random) -> list[bytes]:
    policy = check_policy(random_policy(random))
    return replay_log(History(random, customers=4, days=200).lines(100), policy)


def flush(owner: Owner) -> None:
    owner.flush_outputs()
    owner.flush_states()
    owner.checkpoint()


def finish(owner: Owner) -> None:
    owner.run(1_000_000)
    flush(owner)


def _flush_or_die(owner: Owner, random: Random) -> bool:
    """A flush, or a part of one, whereafter the owner is dead."""
    last_step = random.randint(0, 4)
    if last_step == 0:
        return False
    owner.flush_outputs()
    if last_step == 1:
        return False
    if last_step == 2:
        owner.flush_states(only=random.randint(0, 3))
        return False
    owner.flush_states()
    if last_step == 3:
        return False
    owner.checkpoint()
    return True


def comparable(durable: Durable) -> dict[str, object]:
    """States without who wrote them."""
    states: dict[str, object] = {}
    for customer_id, packed in durable.states.items():
        customer = unpack(packed)
        customer.epoch = 0
        customer.refused = []
        states[customer_id] = customer
    return states
