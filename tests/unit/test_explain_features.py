"""`tierstream explain` tells points and reminders, if the policy has them."""

from __future__ import annotations

from handlers.explain.model import ConsentWhy, DueReason, LotWhy, ReminderWhy, SurveysWhy
from handlers.state.formats import NEWEST
from scoring.policy import (
    CarePolicy,
    Holiday,
    Occasion,
    PointsPolicy,
    Policy,
    Refresh,
    Silence,
    SurveyAsk,
    SurveysPolicy,
)
from tests.builders import (
    cancelled,
    consent,
    day,
    event,
    followup,
    left_because,
    order,
    profile,
    redeemed,
    redemption_cancelled,
)
from tests.driver import Driver
from tests.unit.test_explanation import shown, why

CARE = CarePolicy(
    birthday=Occasion(),
    anniversary=Occasion(),
    holidays=(Holiday("New\x1b Year", ("12-31",)),),
    checkin={"C": Silence(30)},
    profile_refresh=Refresh(40),
)


def test_without_the_sections_nothing_is_shown_of_them() -> None:
    driver = Driver()
    driver.feed(order("o1", "10", day(0)))
    found = why(driver)
    assert (found.points, found.reminders) == (None, None)
    assert "Points" not in shown(found)
    assert "Care" not in shown(found)


def test_the_balance_is_shown_with_how_it_came_about_and_when_it_expires() -> None:
    driver = Driver(Policy(points=PointsPolicy(rates={"B": "4", "C": "2.5"}, expire_after_days=90)))
    driver.feed(
        order("o1", "1000", day(0), payment_status="failed"),
        order("o2", "30", day(1)),
        order("o3", "10", day(2)),
        redeemed(5, day(2)),
    )
    found = why(driver)
    assert found.points is not None
    assert (found.points.balance, found.points.owed) == (50, 0)
    assert found.points.lots == [
        LotWhy("2025-01-02", 25, day(91)),
        LotWhy("2025-01-03", 25, day(92)),
    ]
    text = shown(found)
    assert "50 = 55 earned - 0 taken back - 5 redeemed - 0 expired" in text
    assert "an order now would earn 4 a unit of base currency" in text
    assert "25  earned 2025-01-02  until 2025-04-02 00:00:00" in text


def test_points_that_are_owed_are_shown() -> None:
    driver = Driver(Policy(points=PointsPolicy()))
    driver.feed(order("o1", "30", day(1)), redeemed(20, day(2)), cancelled("o1", day(3)))
    assert "20 were taken back after they had been spent" in shown(why(driver))


def test_the_reminders_to_come_are_shown_soonest_first() -> None:
    driver = Driver(Policy(care=CARE))
    driver.feed(profile({"birth_date": "1990-03-01"}, day(0)), order("o1", "10", day(2)))
    found = why(driver)
    assert found.reminders is not None
    assert [(each.kind, each.at, each.due_on) for each in found.reminders] == [
        ("checkin", day(32), "2025-02-02"),
        ("profile_refresh", day(40), "2025-02-10"),
        ("birthday", day(52), "2025-03-01"),
        ("holiday", day(357), "2025-12-31"),
        ("anniversary", day(360), "2026-01-03"),
    ]
    text = shown(found)
    assert "2025-12-24 00:00:00  New\\x1b Year" in text
    assert "2025-02-02 00:00:00: reminder: checkin" in text


def test_what_is_due_next_names_reminders_and_points() -> None:
    rules = Policy(care=CARE, points=PointsPolicy(expire_after_days=30))
    driver = Driver(rules)
    driver.feed(order("o1", "10", day(0)))
    due = why(driver).due
    assert due is not None
    assert (due.at, due.reasons) == (
        day(30),
        [DueReason("reminder", "checkin"), DueReason("points_expire", 10)],
    )
    assert "reminder: checkin; 10 points expire" in shown(why(driver))


def test_reminders_to_come_do_not_depend_on_consent() -> None:
    driver = Driver(Policy(care=CARE))
    driver.feed(order("o1", "10", day(0)))
    before = {each.kind for each in why(driver).reminders or []}
    driver.feed(consent(False, day(1)))
    assert {each.kind for each in why(driver).reminders or []} == before != set()


def test_where_no_reminder_is_to_come_that_is_said() -> None:
    driver = Driver(Policy(care=CarePolicy(birthday=Occasion())))
    driver.feed(order("o1", "10", day(0)))
    assert "no reminder is to come" in shown(why(driver))


def test_a_consent_by_channel_says_when_it_was_told() -> None:
    driver = Driver(Policy(), format_number=3)
    driver.feed(event("consent.changed", day(1), channels={"sms": True}, purposes={"ads": False}))
    who = why(driver).who
    assert who.channels == [ConsentWhy("sms", agreed=True, told_at=day(1))]
    assert who.purposes == [ConsentWhy("ads", agreed=False, told_at=day(1))]


def test_reminders_without_a_section_of_care_are_shown_too() -> None:
    rules = Policy(points=PointsPolicy(expire_after_days=30, warn_days=7, per="10"))
    driver = Driver(rules, format_number=NEWEST)
    driver.feed(order("o1", "100", day(0)), followup("2025-01-20", day(1), followup_id="f_1"))
    driver.feed(redemption_cancelled(day(1), redemption_id="later"))
    found = why(driver)
    assert found.reminders == [
        ReminderWhy(day(19), "followup", "2025-01-20", "follow-up f_1"),
        ReminderWhy(day(23), "points_expiring", "2025-01-31", "10 points expire"),
    ]
    assert found.due is not None
    assert found.due.reasons == [DueReason("reminder", "follow-up f_1")]
    text = shown(found)
    assert "on 2025-01-20" in text
    assert "reminder: follow-up f_1" in text
    assert "an order now would earn 1 for each full 10 of base currency" in text
    assert "1 cancellations wait for their redemption" in text


def test_surveys_and_the_reason_of_leaving_are_shown() -> None:
    surveys = SurveysPolicy(rest_days=5, after_order=SurveyAsk(14), cadence={"C": SurveyAsk(60)})
    driver = Driver(Policy(care=CarePolicy(surveys=surveys)), format_number=NEWEST)
    driver.feed(order("o1", "10", day(0)), left_because("too_dear", day(2)))
    found = why(driver)
    assert found.surveys == SurveysWhy(None, day(2))
    assert (found.who.churn_answer, found.who.churn_answered_at) == ("too_dear", day(2))
    assert found.reminders == [
        ReminderWhy(day(14), "survey", "2025-01-15", "survey csat after order o1"),
        ReminderWhy(day(62), "survey", "2025-03-04", "survey csat"),
    ]
    text = shown(found)
    assert "left because of: too_dear (told 2025-01-03 00:00:00)" in text
    assert "asked by a survey: never; answered: 2025-01-03 00:00:00" in text


def test_why_outputs_are_not_to_be_acted_on_is_told() -> None:
    driver = Driver(Policy())
    driver.feed(order("o1", "10", day(0)))
    assert why(driver).suppressed is None
    driver.feed(consent(False, day(1)))
    assert why(driver).suppressed == "no_consent"
    assert "outputs are not to be acted on: no consent" in shown(why(driver))
