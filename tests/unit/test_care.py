"""Reminders: once for each occurrence, exactly, and to none who may not be contacted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scoring.calendar import day_of_date
from scoring.care.yearly_dates import YearlyDate
from scoring.policy import (
    CarePolicy,
    Holdout,
    Holiday,
    Movement,
    Occasion,
    PointsPolicy,
    Policy,
    Refresh,
    Silence,
    Tier,
)
from tests.builders import (
    cancelled,
    consent,
    day,
    erased,
    order,
    profile,
    ticket_opened,
    viewed,
)
from tests.driver import Driver, pick

TIERS = (Tier("gold", min_frequency=2), Tier("base"))


def policy(timezone: str = "UTC", **care: Any) -> Policy:
    return Policy(
        care=CarePolicy(**care), timezone=timezone, tiers=TIERS, movement=Movement(grace_days=0)
    )


def born(birth_date: str, at: str, **more: Any) -> bytes:
    return profile({"birth_date": birth_date}, at, **more)


def told(outputs: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Type, date and instant of each reminder."""
    found = [output for output in outputs if output["topic"] == "care-reminders"]
    return pick(found, "type", "due_on", "effective_at")


BIRTHDAYS = policy(birthday=Occasion(days_ahead=7, action="gift"))
HOLIDAYS = policy(holidays=(Holiday("spring", ("2025-02-17", "12-25"), days_ahead=3),))
CHECKINS = policy(checkin={"base": Silence(30, "call"), "gold": Silence(10)})
REFRESH = policy(profile_refresh=Refresh(90, "ask"))


def test_without_the_section_nobody_is_reminded() -> None:
    driver = Driver()
    driver.feed(born("1990-01-20", day(0)), order("o1", "10", day(1)))
    assert told(driver.pass_to(day(800))) == []
    assert driver.state().reminded is None


# Birthdays


def test_a_birthday_is_reminded_of_so_many_days_ahead_every_year() -> None:
    driver = Driver(BIRTHDAYS)
    driver.feed(born("1990-02-20", day(0)))
    assert told(driver.pass_to("2025-02-12T23:59:59.999Z")) == []
    (reminder,) = driver.pass_to("2025-02-13T00:00:00Z")
    assert pick([reminder], "type", "due_on", "age", "action", "tier") == [
        ("birthday.upcoming", "2025-02-20", 35, "gift", "prospect")
    ]
    assert reminder["sequence"] == 1
    assert told(driver.pass_to("2027-12-31T00:00:00Z")) == [
        ("birthday.upcoming", "2026-02-20", "2026-02-13T00:00:00.000Z"),
        ("birthday.upcoming", "2027-02-20", "2027-02-13T00:00:00.000Z"),
    ]


def test_a_birthday_learned_within_its_days_is_reminded_of_the_next_morning() -> None:
    driver = Driver(BIRTHDAYS)
    driver.feed(born("1990-01-05", day(1, 15)))
    assert told(driver.pass_to(day(10))) == [("birthday.upcoming", "2025-01-05", day(2))]


def test_a_birthday_learned_on_its_own_day_waits_for_the_next_year() -> None:
    driver = Driver(BIRTHDAYS)
    driver.feed(born("1990-01-02", day(1, 15)))
    assert told(driver.pass_to(day(360))) == [
        ("birthday.upcoming", "2026-01-02", "2025-12-26T00:00:00.000Z")
    ]


def test_a_corrected_birth_date_is_reminded_of_again_only_if_the_day_moved_ahead() -> None:
    for corrected, expected in [
        ("1991-01-20", []),
        ("1990-01-18", []),
        ("1990-01-22", [("birthday.upcoming", "2025-01-22", day(16))]),
        ("1990-03-01", [("birthday.upcoming", "2025-03-01", day(52))]),
    ]:
        driver = Driver(BIRTHDAYS)
        driver.feed(born("1990-01-20", day(0)))
        assert len(told(driver.pass_to(day(14)))) == 1
        driver.feed(born(corrected, day(15)))
        assert told(driver.pass_to(day(200))) == expected, corrected


def test_a_birth_date_taken_away_is_reminded_of_no_more() -> None:
    driver = Driver(BIRTHDAYS)
    driver.feed(born("1990-01-20", day(0)), born("", day(1)))
    assert told(driver.pass_to(day(500))) == []


@pytest.mark.parametrize(
    ("leap_day", "dates"),
    [
        ("02-28", ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("03-01", ["2025-03-01", "2026-03-01", "2027-03-01", "2028-02-29"]),
    ],
)
def test_the_29th_of_february_is_remembered_in_common_years(
    leap_day: str, dates: list[str]
) -> None:
    driver = Driver(policy(leap_day=leap_day, birthday=Occasion(days_ahead=0)))
    driver.feed(born("2000-02-29", day(0)))
    found = driver.pass_to("2028-12-31T00:00:00Z")
    assert pick(found, "due_on") == dates
    assert pick(found, "effective_at") == [f"{date}T00:00:00.000Z" for date in dates]


def test_a_birthday_counts_by_the_business_day_of_the_zone() -> None:
    driver = Driver(policy("Asia/Shanghai", birthday=Occasion(days_ahead=1)))
    driver.feed(born("1990-01-20", day(0)))
    assert told(driver.pass_to(day(30))) == [
        ("birthday.upcoming", "2025-01-20", "2025-01-18T16:00:00.000Z")
    ]


def test_a_midnight_that_the_clocks_skipped_begins_at_one() -> None:
    driver = Driver(policy("America/Sao_Paulo", birthday=Occasion(days_ahead=0)))
    driver.feed(born("1990-11-04", "2018-10-01T00:00:00Z"))
    assert told(driver.pass_to("2018-12-01T00:00:00Z")) == [
        ("birthday.upcoming", "2018-11-04", "2018-11-04T03:00:00.000Z")
    ]


def test_a_birthday_on_a_date_that_the_zone_skipped_is_reminded_of_when_the_next_one_begins() -> (
    None
):
    driver = Driver(policy("Pacific/Apia", birthday=Occasion(days_ahead=0)))
    driver.feed(born("1990-12-30", "2011-12-20T00:00:00Z"))
    assert told(driver.pass_to("2012-02-01T00:00:00Z")) == [
        ("birthday.upcoming", "2011-12-30", "2011-12-30T10:00:00.000Z")
    ]


def test_a_year_that_passes_at_once_fires_each_reminder_at_its_own_instant_in_order() -> None:
    driver = Driver(
        policy(
            birthday=Occasion(days_ahead=0),
            holidays=(Holiday("monthly", tuple(f"{m:02d}-15" for m in range(1, 13)), 0),),
        )
    )
    driver.feed(order("o1", "10", day(0)), born("1990-06-15", day(0, 1)))
    found = told(driver.pass_to(day(365)))
    assert len(found) == 13
    instants = [at for _, _, at in found]
    assert instants == sorted(instants)
    assert [kind for kind, _, at in found if at == "2025-06-15T00:00:00.000Z"] == [
        "birthday.upcoming",
        "holiday.upcoming",
    ]


def test_a_birth_date_in_the_future_is_reminded_of_from_its_first_birthday_on() -> None:
    driver = Driver(BIRTHDAYS)
    driver.feed(born("2026-01-20", day(0)))
    found = driver.pass_to("2027-12-31T00:00:00Z")
    assert pick(found, "due_on", "age") == [("2027-01-20", 1)]


# Anniversaries


def test_the_anniversary_is_that_of_the_first_order_that_counts() -> None:
    driver = Driver(policy(anniversary=Occasion(days_ahead=7)))
    driver.feed(viewed(day(0)), order("o1", "10", day(3)), order("o2", "10", day(9)))
    driver.feed(cancelled("o1", day(10)))
    found = driver.pass_to(day(800))
    assert told(found) == [
        ("anniversary.upcoming", "2026-01-10", "2026-01-03T00:00:00.000Z"),
        ("anniversary.upcoming", "2027-01-10", "2027-01-03T00:00:00.000Z"),
    ]
    reminders = [output for output in found if output["topic"] == "care-reminders"]
    assert pick(reminders, "years", "first_order_at") == [(1, day(9)), (2, day(9))]


def test_a_late_order_moves_the_anniversary_back_and_it_is_not_reminded_of_twice() -> None:
    driver = Driver(policy(anniversary=Occasion(days_ahead=7)))
    driver.feed(order("o1", "10", day(30)))
    assert len(told(driver.pass_to(day(390)))) == 1
    driver.feed(order("o0", "10", day(28)))
    assert [due_on for _, due_on, _ in told(driver.pass_to(day(800)))] == ["2027-01-29"]


def test_a_prospect_has_no_anniversary() -> None:
    driver = Driver(policy(anniversary=Occasion()))
    driver.feed(viewed(day(0)), order("o1", "10", day(1), payment_status="failed"))
    assert told(driver.pass_to(day(800))) == []


# Holidays


def test_everybody_but_prospects_is_reminded_of_each_date_of_a_holiday() -> None:
    driver = Driver(HOLIDAYS)
    driver.feed(order("o1", "10", day(0)), viewed(day(0), customer="bob"))
    assert told(driver.pass_to(day(740))) == [
        ("holiday.upcoming", "2025-02-17", "2025-02-14T00:00:00.000Z"),
        ("holiday.upcoming", "2025-12-25", "2025-12-22T00:00:00.000Z"),
        ("holiday.upcoming", "2026-12-25", "2026-12-22T00:00:00.000Z"),
    ]
    assert (
        pick([o for o in driver.outputs if o["topic"] == "care-reminders"], "holiday")
        == ["spring"] * 3
    )


def test_a_holiday_may_be_for_some_tiers_only_as_they_stand_on_that_day() -> None:
    holiday = Holiday("spring", ("02-17",), 3, tiers=("gold", "prospect"))
    driver = Driver(policy(holidays=(holiday,)))
    driver.feed(
        order("o1", "10", day(0)),
        order("o1", "10", day(0), customer="bob"),
        order("o2", "10", day(1), customer="bob"),
        viewed(day(1), customer="cat"),
    )
    driver.pass_to(day(60))
    reminders = [output for output in driver.outputs if output["topic"] == "care-reminders"]
    assert pick(reminders, "customer_id", "tier") == [("bob", "gold"), ("cat", "prospect")]


def test_who_comes_to_the_tier_within_the_days_is_reminded_the_next_morning() -> None:
    holiday = Holiday("spring", ("02-17",), 7, tiers=("gold",))
    driver = Driver(policy(holidays=(holiday,)))
    driver.feed(order("o1", "10", day(0)), order("o2", "10", "2025-02-14T09:00:00Z"))
    assert told(driver.pass_to("2025-03-01T00:00:00Z")) == [
        ("holiday.upcoming", "2025-02-17", "2025-02-15T00:00:00.000Z")
    ]


def test_holidays_reminded_of_long_ago_are_forgotten() -> None:
    names = tuple(Holiday(f"h{month}", (f"{month:02d}-15",), 3) for month in range(1, 13))
    driver = Driver(policy(holidays=names))
    driver.feed(order("o1", "10", day(0)))
    assert len(told(driver.pass_to(day(1_000)))) == 33
    reminded = driver.state().reminded
    assert reminded is not None
    assert len(reminded.dates) == 1


def test_a_holiday_that_a_new_policy_reminds_of_earlier_is_not_reminded_of_twice() -> None:
    driver = Driver(HOLIDAYS)
    driver.feed(order("o1", "10", day(0)))
    assert len(told(driver.pass_to("2025-02-14T12:00:00Z"))) == 1
    driver.activate(policy(holidays=(Holiday("spring", ("2025-02-17",), days_ahead=1),)))
    assert told(driver.pass_to("2025-12-01T00:00:00Z")) == []


def test_a_holiday_that_a_new_policy_brings_within_its_days_is_reminded_of_the_next_morning() -> (
    None
):
    driver = Driver(policy())
    driver.feed(order("o1", "10", day(0)))
    driver.pass_to("2025-02-15T12:00:00Z")
    driver.activate(HOLIDAYS)
    assert told(driver.pass_to("2025-03-01T00:00:00Z")) == [
        ("holiday.upcoming", "2025-02-17", "2025-02-16T00:00:00.000Z")
    ]


# Check-ins


def test_a_check_in_is_due_so_many_days_after_the_last_interaction_once() -> None:
    driver = Driver(CHECKINS)
    driver.feed(order("o1", "10", day(0, 5)), viewed(day(2, 23)))
    (reminder,) = [o for o in driver.pass_to(day(59)) if o["topic"] == "care-reminders"]
    assert pick([reminder], "due_on", "effective_at", "action") == [("2025-02-02", day(32), "call")]
    assert pick([reminder], "last_interaction_at", "silent_days") == [(day(2, 23), 30)]
    driver.feed(viewed(day(60)))
    assert told(driver.pass_to(day(200))) == [("checkin.due", "2025-04-01", day(90))]


def test_each_tier_has_its_own_silence() -> None:
    driver = Driver(CHECKINS)
    driver.feed(order("o1", "10", day(0)), order("o2", "10", day(1)), viewed(day(0), "bob"))
    assert told(driver.pass_to(day(40))) == [("checkin.due", "2025-01-12", day(11))]


def test_a_late_interaction_puts_a_check_in_off_exactly() -> None:
    driver = Driver(CHECKINS, lateness_ms=0)
    driver.feed(order("o1", "10", day(0)), order("x1", "10", day(25), customer="bob"))
    driver.feed(viewed(day(3, 7)))
    assert driver.partition.clock_of(driver.state()) > driver.state().newest_ms
    ana = [o for o in driver.pass_to(day(50)) if o["customer_id"] == "ana"]
    assert told(ana) == [("checkin.due", "2025-02-03", day(33))]


def test_a_late_interaction_does_not_bring_a_check_in_whose_instant_has_passed() -> None:
    driver = Driver(CHECKINS)
    driver.feed(order("o1", "10", day(0)))
    assert len(told(driver.pass_to(day(50)))) == 1
    driver.feed(viewed(day(10)))
    assert told(driver.pass_to(day(100))) == []
    driver.feed(viewed(day(90)))
    assert told(driver.pass_to(day(150))) == [("checkin.due", "2025-05-01", day(120))]


# Profiles that grow old


def test_a_profile_that_was_not_updated_is_due_for_a_refresh() -> None:
    driver = Driver(REFRESH)
    driver.feed(profile({"region": "east"}, day(0, 9)), viewed(day(5), customer="bob"))
    found = driver.pass_to(day(400))
    assert pick(found, "customer_id", "effective_at", "last_updated_at", "unchanged_days") == [
        ("ana", day(90), day(0, 9), 90),
        ("bob", day(95), None, 90),
    ]
    driver.feed(profile({}, day(401)), profile({"region": "west"}, day(402)))
    assert told(driver.pass_to(day(900))) == [("profile.refresh_due", "2026-05-08", day(492))]


def test_a_new_rule_of_refresh_begins_anew_for_those_not_reminded_yet() -> None:
    driver = Driver(policy())
    driver.feed(profile({"region": "east"}, day(0)))
    driver.pass_to(day(300))
    driver.activate(REFRESH)
    assert told(driver.pass_to(day(500))) == [("profile.refresh_due", "2026-01-26", day(390))]
    driver.activate(policy(profile_refresh=Refresh(10)), "shorter")
    assert told(driver.pass_to(day(900))) == []


# Who is not to be reminded


def test_a_refusal_only_marks_a_reminder() -> None:
    driver = Driver(BIRTHDAYS)
    driver.feed(born("1990-01-20", day(0)), consent(False, day(1)))
    reminders = driver.pass_to(day(30))
    assert told(reminders) == [("birthday.upcoming", "2025-01-20", day(12))]
    assert pick(reminders, "suppressed") == ["no_consent"]


def test_other_reasons_only_mark_a_reminder() -> None:
    held_out = Policy(
        care=CarePolicy(birthday=Occasion()), holdout=Holdout(share="0.9999999", salt="x")
    )
    driver = Driver(held_out)
    driver.feed(born("1990-01-20", day(0)))
    assert pick(driver.pass_to(day(15)), "suppressed") == ["holdout"]
    driver.feed(ticket_opened("t1", day(20), kind="complaint"))
    assert pick(driver.pass_to(day(380)), "suppressed") == ["open_complaint"]


def test_erased_customers_are_not_reminded() -> None:
    driver = Driver(BIRTHDAYS)
    driver.feed(born("1990-01-20", day(0)), erased(day(1)))
    assert told(driver.pass_to(day(500))) == []
    assert driver.state().reminded is None


# Order and cost


def test_at_one_instant_reminders_come_after_the_level_and_before_points_that_expire() -> None:
    rules = Policy(
        care=CarePolicy(birthday=Occasion(days_ahead=0), checkin={"C": Silence(60)}),
        points=PointsPolicy(expire_after_days=60),
    )
    driver = Driver(rules)
    driver.feed(born("1990-03-02", day(0)), order("o1", "10", day(0)))
    found = [o for o in driver.pass_to(day(60)) if o["effective_at"] == day(60)]
    assert pick(found, "type") == [
        "dormancy.alert",
        "birthday.upcoming",
        "checkin.due",
        "points.changed",
    ]
    assert pick(found, "sequence") == list(range(found[0]["sequence"], found[0]["sequence"] + 4))


def test_time_touches_only_the_customers_who_are_due() -> None:
    driver = Driver(HOLIDAYS)
    driver.feed(*(viewed(day(0), customer=f"c{number}") for number in range(50)))
    driver.feed(order("o1", "10", day(0)))
    driver.partition.context.tally.due = 0
    driver.pass_to("2025-02-20T00:00:00Z")
    assert driver.partition.context.tally.due < 10


def test_yearly_dates_end_with_the_calendar() -> None:
    last = YearlyDate(6, 1, (2, 28))
    assert last.next_after(day_of_date(date.max)) is None
