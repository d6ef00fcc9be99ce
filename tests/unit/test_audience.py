"""Whom an output concerns: the customer or the staff, and what suppresses it then."""

from __future__ import annotations

import pytest

from handlers.state.formats import NEWEST
from scoring.policy import (
    CarePolicy,
    Dormancy,
    Movement,
    Occasion,
    Policy,
    Refresh,
    Tier,
)
from tests.builders import consent, day, followup, order, profile, ticket_opened
from tests.driver import Driver, pick

PLAIN = Policy(
    tiers=(Tier("gold", action="gift", min_monetary="100"), Tier("base")),
    movement=Movement(0),
    dormancy=Dormancy(at_risk_days=10, dormant_days=20, churned_days=30),
    care=CarePolicy(
        birthday=Occasion(days_ahead=1, action="card"), profile_refresh=Refresh(3, "ask")
    ),
    audience={},
)


def with_table(**table: str) -> Policy:
    changed = {name.replace("__", ":").replace("_", ".", 1): who for name, who in table.items()}
    return Policy(
        **{**{f: getattr(PLAIN, f) for f in PLAIN.__struct_fields__}, "audience": changed}
    )


def run(policy: Policy, *, live_from: str | None = None) -> dict[str, tuple[object, object]]:
    """Of each type what `audience` and `suppressed` are, of who refuses and complains."""
    driver = Driver(policy, format_number=NEWEST, live_from=live_from)
    driver.feed(
        consent(False, day(0)),
        order("o1", "120", day(0)),
        profile({"birth_date": "1990-01-10"}, day(0)),
        ticket_opened("t1", day(0), kind="complaint"),
        followup("2025-01-04", day(1)),
    )
    driver.pass_to(day(25))
    found = {}
    for output in driver.outputs:
        name = output["type"]
        if name == "dormancy.alert":
            name += ":" + output["level"]
        if output["topic"] != "profile-changes":
            found[name] = output["audience"], output["suppressed"]
    return found


def test_an_empty_section_gives_the_defaults_and_staff_hears_of_who_refuses() -> None:
    assert run(PLAIN) == {
        "tier.changed": ("customer", "no_consent"),
        "birthday.upcoming": ("customer", "no_consent"),
        "profile.refresh_due": ("staff", None),
        "followup.due": ("staff", None),
        "dormancy.alert:at_risk": ("customer", "no_consent"),
        "dormancy.alert:dormant": ("customer", "no_consent"),
    }


def test_the_table_maps_types_and_a_form_goes_before_its_type() -> None:
    found = run(
        with_table(
            dormancy_alert="staff",
            dormancy_alert__at_risk="customer",
            birthday_upcoming="staff",
            followup_due="customer",
        )
    )
    assert found["dormancy.alert:at_risk"] == ("customer", "no_consent")
    assert found["dormancy.alert:dormant"] == ("staff", None)
    assert found["birthday.upcoming"] == ("staff", None)
    assert found["followup.due"] == ("customer", "no_consent")


def test_what_is_for_staff_is_still_suppressed_as_history() -> None:
    found = run(PLAIN, live_from=day(400))
    assert found["followup.due"] == ("staff", "backfill")


def test_what_is_for_staff_is_still_suppressed_in_a_quiet_rollout() -> None:
    driver = Driver(with_table(tier_changed="staff"), format_number=NEWEST)
    driver.feed(order("o1", "120", day(0)))
    harder = Policy(
        tiers=(Tier("gold", action="gift", min_monetary="500"), Tier("base", action="sorry")),
        movement=Movement(0),
        audience={"tier.changed": "staff"},
    )
    driver.activate(harder, quiet=True)
    (fell,) = [each for each in driver.outputs if each["type"] == "tier.changed"][1:]
    assert (fell["tier"], fell["audience"], fell["suppressed"]) == (
        "base",
        "staff",
        "policy_rollout",
    )


@pytest.mark.parametrize("policy", [Policy(), Policy(care=CarePolicy())])
def test_without_the_section_no_output_has_an_audience(policy: Policy) -> None:
    driver = Driver(policy, format_number=NEWEST)
    driver.feed(order("o1", "120", day(0)), followup("2025-01-04", day(1)))
    driver.pass_to(day(90))
    found = pick(driver.outputs, "audience", "owner", "not_before")
    assert found
    assert set(found) == {(None, None, None)}
