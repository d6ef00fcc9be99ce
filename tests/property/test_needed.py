"""The fewest orders, and their smallest total, are checked by grading with them and with less."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scoring.grading import Beyond
from scoring.money import MAX_MINOR_UNITS
from scoring.needed import Base, Needed, orders_needed
from scoring.policy import Cutoffs, Policy, Tier
from scoring.rfm import compute_rfm
from scoring.rules import Rules
from scoring.tiers import qualified_rank

_MONEY = st.sampled_from(["0", "1", "10", "50", "200", "10000000000", "30000000000"])
_MOST = 8


def ascending(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Four different values in order."""
    return st.lists(values, min_size=4, max_size=4, unique=True).map(sorted)


tiers = st.builds(
    Tier,
    name=st.just("tier"),
    min_score=st.none() | st.integers(0, 100),
    min_r=st.none() | st.integers(1, 5),
    min_f=st.none() | st.integers(1, 5),
    min_m=st.none() | st.integers(1, 5),
    min_frequency=st.none() | st.integers(0, 10),
    min_monetary=st.none() | _MONEY,
    max_recency_days=st.none() | st.integers(0, 40),
    min_orders_ever=st.none() | st.integers(0, 12),
    min_spend_ever=st.none() | _MONEY,
)


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    """Rules with one to three tiers above the last."""
    asked = draw(st.lists(tiers, min_size=1, max_size=3))
    money = draw(ascending(st.integers(1, 300)))
    cutoffs = Cutoffs(
        recency_days=tuple(draw(ascending(st.integers(0, 40)))),
        frequency=tuple(draw(ascending(st.integers(1, 12)))),
        monetary=tuple(str(amount) for amount in money),
    )
    return Rules(Policy(tiers=(*asked, Tier("last")), cutoffs=cutoffs))


bases = st.builds(
    Base,
    recency_days=st.integers(0, 45),
    frequency=st.integers(0, 6),
    monetary=st.sampled_from([0, 999, 10_000, 10**12]),
    orders_ever=st.integers(6, 9),
    spend_ever=st.sampled_from([0, 999, 10_000, 10**12]),
    in_window=st.booleans(),
    beyond=st.none()
    | st.builds(Beyond, st.just(()), st.just(()), st.just(2), st.just(frozenset({0}))),
)


def qualifies(rules: Rules, base: Base, rank: int, orders: int, total: int) -> bool:
    """Whether a customer qualifies with so many more orders of such a total."""
    inside = base.in_window
    rfm = compute_rfm(
        rules,
        base.recency_days,
        base.frequency + orders * inside,
        base.monetary + total * inside,
        base.orders_ever + orders,
        base.spend_ever + total,
        base.beyond,
    )
    return qualified_rank(rules, rfm) <= rank


@given(all_rules(), bases)
def test_needed_is_enough_and_nothing_less_is(rules: Rules, base: Base) -> None:
    """One order or one minor unit less is not enough; none needed means none is enough."""
    rank = len(rules.tiers) - 2
    found = orders_needed(rules, base, rank, _MOST)
    most = Needed(_MOST + 1, 0) if found is None else found
    for orders in range(1, most.orders):
        assert not qualifies(rules, base, rank, orders, orders * MAX_MINOR_UNITS)
    if found is not None:
        assert found.total_minor <= found.orders * MAX_MINOR_UNITS
        assert qualifies(rules, base, rank, *found)
        less = found.total_minor - 1
        assert less < 0 or not qualifies(rules, base, rank, found.orders, less)
