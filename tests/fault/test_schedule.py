from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.fault.faults import ACTIONS
from tests.fault.schedule import KINDS, Shape, schedule
from tests.fault.test_faults import CI_SEEDS, IN_CI

_seeds = st.integers(0, 2**32)
_shapes = st.builds(
    Shape,
    workers=st.integers(2, 4),
    brokers=st.integers(1, 3),
    faults=st.integers(1, 60),
    patient=st.booleans(),
)


@given(_seeds, _shapes)
def test_a_seed_is_all_a_schedule_depends_on(seed: int, shape: Shape) -> None:
    assert schedule(seed, shape) == schedule(seed, shape)


@given(_seeds, _shapes)
def test_a_schedule_is_in_order_and_its_targets_are_there(seed: int, shape: Shape) -> None:
    faults = schedule(seed, shape)
    assert len(faults) == shape.faults
    assert [fault.at_s for fault in faults] == sorted(fault.at_s for fault in faults)
    workers = {f"worker-{number}" for number in range(shape.workers)}
    brokers = {f"broker-{number}" for number in range(shape.brokers)}
    others = {"projector", "all", "brokers", "redis", "load", "guests"}
    assert {fault.target for fault in faults} <= workers | brokers | others


@given(_seeds)
def test_a_deck_of_faults_has_every_kind(seed: int) -> None:
    cards = sum(copies for _, copies in KINDS.values())
    assert {fault.kind for fault in schedule(seed, Shape(faults=cards))} == KINDS.keys()


def test_every_kind_of_fault_can_be_done() -> None:
    assert ACTIONS.keys() - KINDS.keys() == {"disk_full"}, "which needs a cluster of its own"
    assert KINDS.keys() <= ACTIONS.keys()


def test_the_episodes_in_ci_have_every_kind_together() -> None:
    kinds = {fault.kind for seed in CI_SEEDS for fault in schedule(seed, IN_CI)}
    assert kinds == KINDS.keys()


def test_the_episodes_in_ci_strike_amid_merges_and_erasures() -> None:
    points = {fault.detail for seed in CI_SEEDS for fault in schedule(seed, IN_CI)}
    assert points >= {
        "before_forwarding",
        "amid_forwarding",
        "after_forwarding",
        "after_marker",
        "after_erasure",
    }
