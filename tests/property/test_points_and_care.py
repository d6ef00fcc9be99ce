"""Random histories of points, surveys and follow-ups: what always holds, also over restarts."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handlers.state.formats import NEWEST
from scoring.policy import (
    Activity,
    CarePolicy,
    Movement,
    PointsPolicy,
    Policy,
    SurveyAsk,
    SurveysPolicy,
    TagRule,
    Tier,
)
from tests.builders import (
    activity,
    adjusted,
    cancelled,
    day,
    erased,
    followup,
    left_because,
    merged,
    order,
    redeemed,
    redemption_cancelled,
    refund,
    survey,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
    ticket_responded,
    to_ms,
    viewed,
)
from tests.driver import Driver

CUSTOMERS = ("ana", "bob", "cai")
REST_DAYS = 6
DAY_MS = 86_400_000


def policy(random: Random, version: str) -> Policy:
    """Short periods, so that much is due; sometimes without a section."""
    points = PointsPolicy(
        rate="1",
        per=random.choice((None, "7")),
        pers=random.choice(({}, {"base": "3"})),
        expire_after_days=random.choice((None, 5, 20)),
        warn_days=random.choice((None, 3, 9)),
        activities={"referral": Activity(30)},
    )
    surveys = SurveysPolicy(
        rest_days=REST_DAYS,
        after_ticket=random.choice((None, SurveyAsk(2))),
        after_order=random.choice((None, SurveyAsk(4, "nps"), SurveyAsk(3, tiers=("gold",)))),
        cadence=random.choice(({}, {"gold": SurveyAsk(8), "base": SurveyAsk(15)})),
    )
    return Policy(
        version=version,
        timezone=random.choice(("UTC", "America/Santiago", "Asia/Shanghai")),
        tiers=(Tier("gold", min_frequency=2), Tier("base")),
        movement=Movement(grace_days=0),
        window_days=30,
        points=random.choice((points, points, points, None)),
        care=random.choice((CarePolicy(surveys=surveys), CarePolicy(surveys=surveys), None)),
        tags=random.choice((None, (TagRule("left", "answer", survey="churn"),))),
    )


def line(random: Random, number: int, hours: int) -> bytes:
    """One event, mostly in order of time."""
    at = day(0, hours - random.choice((0, 0, 0, 5, 50, 200)) + 240)
    who = random.choice(CUSTOMERS)
    some = {"customer": who, "event_id": f"e{number}"}
    order_id, ticket = f"o{random.randrange(40)}", f"t{random.randrange(4)}"
    redemption, contact = f"r{random.randrange(12)}", f"f{random.randrange(4)}"
    on = random.choice((None, day(0, hours + 24 * random.randrange(20) + 120)[:10], day(5)[:10]))
    makers = (
        lambda: order(order_id, str(random.randrange(60)), at, **some),
        lambda: order(f"new{number}", str(random.randrange(60)), at, **some),
        lambda: refund(order_id, "5", at, f"refund{number}", **some),
        lambda: cancelled(order_id, at, **some),
        lambda: activity("referral", at, **some),
        lambda: redeemed(random.choice((5, 20, 60)), at, redemption_id=redemption, **some),
        lambda: redemption_cancelled(at, redemption_id=redemption, **some),
        lambda: adjusted(random.choice((-40, -5, 10, 70)), at, **some),
        lambda: followup(on, at, followup_id=contact, **some),
        lambda: survey(random.randint(1, 5), at, **some),
        lambda: left_because(random.choice(("price", "moved")), at, **some),
        lambda: ticket_opened(ticket, at, kind="complaint", **some),
        lambda: ticket_responded(ticket, at, **some),
        lambda: ticket_resolved(ticket, at, **some),
        lambda: ticket_reopened(ticket, at, **some),
        lambda: viewed(at, **some),
    )
    if random.random() < 0.01:
        return merged(random.choice(CUSTOMERS), at, **some)
    if random.random() < 0.005:
        return erased(at, **some)
    return random.choice(makers)()


def lived(seed: int, *, restarts: bool) -> Driver:
    """A history, perhaps written and read again after each of its records."""
    random = Random(seed)
    driver = Driver(policy(random, "first"), format_number=NEWEST)
    hours = 0
    for number in range(150):
        hours += random.choice((0, 1, 5, 12, 30))
        if random.random() < 0.03:
            at_a_time = random.choice((None, 1))
            driver.activate(policy(random, f"p{number}"), f"p{number}", at_a_time)
        else:
            driver.feed(line(random, number, hours))
        if restarts:
            driver.pack()
    driver.pass_to(day(0, hours + 24 * 60))
    return driver


def by_customer(driver: Driver, type_name: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for output in driver.outputs:
        if output["type"] == type_name:
            found.setdefault(output["customer_id"], []).append(output)
    return found


@given(st.integers(0, 2**32))
def test_a_restart_after_any_record_changes_nothing(seed: int) -> None:
    assert lived(seed, restarts=True).outputs == lived(seed, restarts=False).outputs


@given(st.integers(0, 2**32))
def test_what_went_out_always_adds_up(seed: int) -> None:
    driver = lived(seed, restarts=False)
    failures = driver.partition.failures
    assert failures == []
    for customer_id in CUSTOMERS:
        state = driver.partition.store.get(customer_id)
        if state is None or state.is_gone or state.points is None:
            continue
        account = state.points
        assert account.balance == sum(lot.points for lot in account.lots) - account.owed
        assert all(lot.points > 0 for lot in account.lots)
        assert not (account.owed and account.lots)
        changes = by_customer(driver, "points.changed").get(customer_id, [])
        assert account.balance - account.unreported == sum(each["delta"] for each in changes)
        if changes and not account.unreported:
            assert changes[-1]["balance"] == account.balance


@given(st.integers(0, 2**32))
def test_nobody_is_reminded_twice_or_asked_too_soon(seed: int) -> None:
    driver = lived(seed, restarts=False)
    for found in by_customer(driver, "points.expiring").values():
        assert max(Counter(each["expires_at"] for each in found).values()) == 1
        assert all(each["effective_at"] < each["expires_at"] for each in found)
        assert all(each["points"] > 0 for each in found)
    for found in by_customer(driver, "followup.due").values():
        assert len({each["id"] for each in found}) == len(found)
    for found in by_customer(driver, "survey.due").values():
        asked = [to_ms(each["effective_at"]) for each in found]
        gaps = [after - before for before, after in pairwise(asked)]
        assert all(gap > (REST_DAYS - 1) * DAY_MS for gap in gaps), "clocks may change an hour"
        subjects = Counter(
            each["ticket_id"] or each["order_id"] for each in found if each["trigger"] == "order"
        )
        assert not subjects or max(subjects.values()) == 1
