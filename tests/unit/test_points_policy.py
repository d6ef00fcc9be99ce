"""The section `[points]` of a policy file."""

from __future__ import annotations

import pytest

from config.policy_file import PolicyError, parse_policy
from config.policy_points import MAX_ACTIVITIES
from scoring.policy import Activity, PointsPolicy

WHOLE = """
[points]
rate = 1.5
min_amount = "9.99"
expire_after_days = 365
[points.rates]
A = "3"
prospect = 2
[points.activities.referral]
points = 200
in_all = 5
[points.activities.visit]
points = 5
per_day = 1
"""


def test_every_key_is_read() -> None:
    assert parse_policy(WHOLE).points == PointsPolicy(
        rate="1.5",
        rates={"A": "3", "prospect": "2"},
        min_amount="9.99",
        expire_after_days=365,
        activities={"referral": Activity(200, in_all=5), "visit": Activity(5, per_day=1)},
    )


def test_an_empty_section_is_one_point_for_each_major_unit_for_ever() -> None:
    assert parse_policy("[points]").points == PointsPolicy()
    assert parse_policy("").points is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("points = 5", "points: must be a table"),
        ("[points]\nrates = 5", "points.rates: must be a table"),
        ("[points]\nrate = -1", "points.rate: must be a decimal from 0"),
        ("[points]\nrate = 1000001", "points.rate: must be at most 1000000 points"),
        ("[points.rates]\nZ = 1", "points.rates.Z: is no tier of this policy"),
        ("[points.rates]\nA = 'x'", "points.rates.A: must be a decimal from 0"),
        ("[points.rates]\nA = 1000001", "points.rates.A: must be at most 1000000 points"),
        ("[points]\nmin_amount = '0.001'", "points.min_amount: '0.001' has more than the 2"),
        ("[points]\nexpire_after_days = 0", "points.expire_after_days: must be a whole number"),
        ("[points]\nexpires_after_days = 9", "points.expires_after_days: unknown key, did you"),
        ("[points]\nactivities = []", "points.activities: must be a table"),
        ("[points.activities]\nvisit = 5", "points.activities.visit: must be a table"),
        ("[points.activities.visit]\nper_day = 1", "points.activities.visit.points: is missing"),
        ("[points.activities.visit]\npoints = 0", "points.activities.visit.points: must be a"),
        (
            "[points.activities.visit]\npoints = 1\nper_day = 0",
            "points.activities.visit.per_day: must be a whole number from 1",
        ),
        (
            "[points.activities.visit]\npoints = 1\nper_week = 1",
            "points.activities.visit.per_week: unknown key",
        ),
        (
            "".join(f"[points.activities.a{n}]\npoints = 1\n" for n in range(MAX_ACTIVITIES + 1)),
            f"points.activities: must be at most {MAX_ACTIVITIES} tables",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text)
    assert [found for found in refused.value.problems if found.startswith(problem)]
    assert all(found.startswith("points") for found in refused.value.problems)
