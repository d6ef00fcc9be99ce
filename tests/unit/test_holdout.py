"""Who is held out, and how it shows."""

from __future__ import annotations

from hashlib import sha256

import pytest

from scoring.holdout import holdout_rule
from scoring.policy import Holdout, Policy
from tests.builders import day, order
from tests.driver import Driver, pick


def held_out(share: str, salt: str = "spring", customers: int = 20_000) -> set[str]:
    rule = holdout_rule(Holdout(share, salt))
    return {f"c{n}" for n in range(customers) if rule.holds_out(f"c{n}")}


def test_the_formula_is_the_documented_one() -> None:
    rule = holdout_rule(Holdout("0.1", "spring"))
    for customer_id in ("ana", "ben", "客户", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"):
        digest = sha256(b"spring:" + customer_id.encode()).digest()
        expected = int.from_bytes(digest[:8], "big") / 2**64 < 0.1
        assert rule.holds_out(customer_id) is expected


def test_the_bound_is_exact() -> None:
    assert holdout_rule(Holdout("0.5", "s")).bound == 2**63
    assert holdout_rule(Holdout("0.1", "s")).bound == (2**64 + 9) // 10


@pytest.mark.parametrize(("share", "low", "high"), [("0.1", 1_870, 2_130), ("0.5", 9_780, 10_220)])
def test_about_the_declared_share_is_held_out(share: str, low: int, high: int) -> None:
    """Within about three standard deviations of 20,000 draws."""
    assert low < len(held_out(share)) < high


def test_a_larger_share_holds_out_the_same_customers_and_more() -> None:
    assert held_out("0.1") < held_out("0.2")


def test_another_salt_draws_others() -> None:
    both = held_out("0.5") & held_out("0.5", "autumn")
    assert 4_780 < len(both) < 5_220


def test_the_profile_says_it_and_the_alerts_are_marked() -> None:
    share = Policy(holdout=Holdout("0.3", "spring"))
    driver = Driver(share)
    names = [f"c{n}" for n in range(40)]
    driver.feed(*(order(f"o-{name}", "5", day(0), name) for name in names))
    driver.pass_to(day(61))
    expected = held_out("0.3", customers=40)
    assert 0 < len(expected) < 40
    assert {name for name in names if driver.profile(name)["holdout"]} == expected
    alerts = [o for o in driver.outputs if o["type"] == "dormancy.alert"]
    marked = {o["subject"] for o in alerts if o["suppressed"] == "holdout"}
    assert (len(alerts), marked) == (40, expected)


def test_tier_changes_and_dormancy_itself_do_not_depend_on_it() -> None:
    def told(policy: Policy) -> list[object]:
        driver = Driver(policy)
        driver.feed(order("o1", "5", day(0)))
        driver.pass_to(day(400))
        return pick(driver.outputs, "id", "type", "sequence", "effective_at")

    assert told(Policy()) == told(Policy(holdout=Holdout("0.99", "spring")))
