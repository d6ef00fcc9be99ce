"""What goes out of one customer at one instant goes out in one order."""

from __future__ import annotations

from handlers.state.formats import NEWEST
from scoring.policy import (
    Activity,
    CarePolicy,
    Dormancy,
    Holiday,
    Movement,
    Occasion,
    PointsPolicy,
    Policy,
    Refresh,
    Silence,
    SurveyAsk,
    SurveysPolicy,
    TagRule,
    Tier,
    VisitsPolicy,
)
from tests.builders import activity, day, followup, order, profile
from tests.driver import Driver

DAYS = 185
"""From the order to 2025-07-05, when everything is due."""

EVERYTHING = Policy(
    tiers=(
        Tier("gold", max_recency_days=DAYS - 1),
        Tier("silver", max_recency_days=DAYS + 5),
        Tier("base"),
    ),
    movement=Movement(grace_days=0, warn_days=6),
    dormancy=Dormancy(at_risk_days=DAYS, dormant_days=300, churned_days=400),
    points=PointsPolicy(
        expire_after_days=200,
        warn_days=15,
        activities={"referral": Activity(30)},
    ),
    care=CarePolicy(
        birthday=Occasion(7),
        anniversary=Occasion(180),
        holidays=(Holiday("b", ("07-05",), 0), Holiday("a", ("07-05",), 0)),
        checkin={"silver": Silence(DAYS)},
        profile_refresh=Refresh(DAYS),
        surveys=SurveysPolicy(after_order=SurveyAsk(DAYS)),
        visits=VisitsPolicy(("referral",), {"silver": DAYS + 15}),
    ),
    tags=(TagRule("bought", "orders", of="count", days=DAYS, at_least="1"),),
)


def test_tier_then_level_then_reminders_by_type_policy_and_id_then_points_and_tags() -> None:
    driver = Driver(EVERYTHING, format_number=NEWEST)
    driver.feed(
        activity("referral", day(-15)),
        profile({"birth_date": "1990-07-12"}, day(0)),
        order("o1", "10", day(0)),
        followup("2025-07-05", day(1), followup_id="y"),
        followup("2025-07-05", day(2), followup_id="x"),
    )
    driver.pass_to(day(DAYS - 1, 23))
    found = driver.pass_to(day(DAYS))
    assert [(each["type"], each.get("holiday") or each.get("followup_id")) for each in found] == [
        ("tier.changed", None),
        ("dormancy.alert", None),
        ("birthday.upcoming", None),
        ("anniversary.upcoming", None),
        ("holiday.upcoming", "b"),
        ("holiday.upcoming", "a"),
        ("checkin.due", None),
        ("profile.refresh_due", None),
        ("tier.expiring", None),
        ("points.expiring", None),
        ("survey.due", None),
        ("followup.due", "x"),
        ("followup.due", "y"),
        ("visit.due", None),
        ("points.changed", None),
        ("tags.changed", None),
    ]
    assert {each["effective_at"] for each in found} == {day(DAYS)}
    assert [each["sequence"] for each in found] == list(
        range(found[0]["sequence"], found[0]["sequence"] + len(found))
    )
