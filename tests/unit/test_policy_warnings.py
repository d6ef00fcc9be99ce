"""`policy check` warns of what a policy says in vain, and takes it all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from config.policy_file import default_policy_text, load_policy, parse_policy
from config.policy_warnings import warnings_of
from tests.builders import to_ms

pytestmark = pytest.mark.usefixtures("no_settings")
EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = to_ms("2026-01-01T00:00:00Z")
MODEL = (
    'mode = "probability"\nat_risk_days = 90\n[dormancy.probability]\n'
    "r = 0.243\nalpha = 4.414\na = 0.793\nb = 2.426\n"
)
NO_LANDING = "[movement]\nsoft_landing = false\n"


def tiers(*conditions: str) -> str:
    """Tiers `T1`, `T2`, ... with these conditions, and a last one without any."""
    tables = [f'[[tiers]]\nname = "T{n}"\n{one}\n' for n, one in enumerate(conditions, 1)]
    return "".join(tables) + '[[tiers]]\nname = "rest"\n'


def warned(text: str) -> list[str]:
    return warnings_of(parse_policy(text), NOW)


def places(text: str) -> list[str]:
    return [warning.partition(":")[0] for warning in warned(text)]


def test_the_policies_that_come_with_tierstream_say_nothing_in_vain() -> None:
    assert warned(default_policy_text()) == []
    assert warnings_of(load_policy(EXAMPLES / "profile_policy.toml"), NOW) == []


@pytest.mark.parametrize(
    "conditions",
    [
        ("min_score = 70", "min_score = 40"),
        ("min_r = 5\nmin_f = 5", "min_f = 5", "min_r = 5"),
        ("min_monetary = 1000", "min_frequency = 10"),
        ("max_recency_days = 30", "max_recency_days = 90"),
        ("min_orders_ever = 10", "min_spend_ever = 100"),
        ("min_score = 100",),
        ("max_recency_days = 400", "min_orders_ever = 3"),
    ],
)
def test_tiers_for_which_somebody_can_qualify_are_no_warning(conditions: tuple[str, ...]) -> None:
    assert warned(tiers(*conditions)) == []


@pytest.mark.parametrize(
    ("conditions", "number"),
    [
        (("min_score = 40", "min_score = 70"), 2),
        (("min_score = 40", "min_score = 40"), 2),
        (("min_frequency = 2", "min_frequency = 3\nmin_monetary = 5"), 2),
        (("max_recency_days = 90", "max_recency_days = 30"), 2),
        (("min_orders_ever = 2", "min_orders_ever = 5"), 2),
        (("min_spend_ever = 100", "min_monetary = 100"), 2),
        (("min_orders_ever = 2", "min_frequency = 2"), 2),
        (("min_f = 2", "min_frequency = 2"), 2),
        (("min_score = 10", "min_r = 5\nmin_f = 5\nmin_m = 5"), 2),
    ],
)
def test_a_tier_whose_customers_all_qualify_for_a_better_one_is(
    conditions: tuple[str, ...], number: int
) -> None:
    [warning] = warned(tiers(*conditions) + NO_LANDING)
    assert warning == (
        f"tiers[{number}] (T{number}): nobody can reach it by figures: whoever meets its "
        "conditions meets those of T1, which is better"
    )


def test_many_conditions_that_can_hold_together_are_no_warning() -> None:
    asked = "min_frequency = 1", "min_f = 5", "min_score = 100", "max_recency_days = 0"
    assert warned(tiers("\n".join((*asked, "min_spend_ever = 1", "min_orders_ever = 1")))) == []


def test_an_order_in_the_window_is_younger_than_the_window() -> None:
    """So a recency cut-off beyond the window is passed by nobody with an order in it."""
    text = (
        "window_days = 30\n[cutoffs]\nrecency_days = [40, 50, 60, 70]\n"
        "[weights]\nfrequency = 0\nmonetary = 0\n"
    )
    young = tiers("min_score = 100", "min_frequency = 1") + NO_LANDING
    assert places(text + young) == ["tiers[2] (T2)"]


def test_a_last_tier_for_whom_nobody_is_left_is_told() -> None:
    [warning] = warned(tiers("min_r = 1"))
    assert warning.startswith("tiers[2] (rest): nobody can qualify for it by figures: whoever")


def test_a_fall_may_pass_through_a_tier_for_which_nobody_qualifies() -> None:
    text = tiers("min_score = 40\n", 'min_score = 70\naction = "gift"')
    [warning] = warned(text)
    assert warning.endswith("; only a fall from a better tier passes through it")
    assert warned(text + NO_LANDING)[1] == (
        "tiers[2].action: 'gift' is never sent, nobody comes to the tier"
    )


def test_nobody_falls_into_the_best_tier() -> None:
    assert warned(tiers('min_score = 40\naction_down = "sorry"')) == [
        "tiers[1].action_down: 'sorry' is never sent, nobody falls into the best tier"
    ]


def test_reminders_for_tiers_that_nobody_is_in_are_told() -> None:
    text = tiers("min_score = 40", "min_score = 70") + NO_LANDING
    care = '[care.checkin.T2]\ndays = 30\naction = "call"\n'
    holiday = '[[care.holidays]]\nname = "May"\ndates = ["05-01"]\ntiers = ["T2"]\n'
    birthday = '[care.birthday]\ntiers = ["T2"]\n'
    assert places(text + birthday + care + holiday) == [
        "tiers[2] (T2)",
        "care.checkin.T2",
        "care.holidays[1] (May)",
        "care.birthday",
    ]


@pytest.mark.parametrize(
    ("dormancy", "place"),
    [
        ("at_risk_days = 90\ndormant_days = 90", "dormancy.at_risk_days"),
        (
            'mode = "cadence"\n[dormancy.cadence]\nat_risk = 3\ndormant = 3',
            "dormancy.cadence.at_risk",
        ),
        (
            'mode = "cadence"\n[dormancy.cadence]\nmin_days = 30\nmax_days = 30',
            "dormancy.cadence.min_days",
        ),
        (MODEL + "at_risk = 0.4\ndormant = 0.4", "dormancy.probability.at_risk"),
        (MODEL + "min_days = 30\nmax_days = 30", "dormancy.probability.min_days"),
    ],
)
def test_a_level_that_nobody_stays_at_is_told(dormancy: str, place: str) -> None:
    assert places(f"[dormancy]\n{dormancy}\n") == [place]


def test_check_warns_on_the_standard_error_and_ends_well(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(tiers("min_score = 40", "min_score = 70"), "utf-8")
    found = CliRunner().invoke(app, ["policy", "check", str(file)])
    assert found.exit_code == 0
    assert found.stdout.startswith("ok: policy 'sha256:")
    [line] = found.stderr.splitlines()
    assert line.startswith(f"{file}: warning: tiers[2] (T2): nobody can qualify for it by figures")


def test_a_policy_with_very_many_cutoffs_is_checked_in_good_time() -> None:
    many = [
        f"min_frequency = {2 * n}\nmin_monetary = {3 * n}\nmax_recency_days = {400 - n}"
        for n in range(31, 0, -1)
    ]
    assert warned(tiers(*many)) == []


def test_a_holiday_has_a_date_to_come() -> None:
    table = '[[care.holidays]]\nname = "{}"\n'
    over = table.format("opening") + "dates = ['2025-12-31', '2024-01-01']\n"
    today = table.format("today") + "dates = ['2026-01-01']\n"
    lunar = table.format("spring") + 'calendar = "lunar"\nmonth = 1\nday = 1\n'
    assert warned(today + over + lunar) == ["care.holidays[2] (opening): has no date to come"]
    beyond = warnings_of(parse_policy(lunar), to_ms("2099-06-01T00:00:00Z"))
    assert beyond == ["care.holidays[1] (spring): has no date to come"]


def test_a_priority_without_caps_is_said_in_vain() -> None:
    text = '[contact]\nquiet = { from = "21:00", to = "09:00" }\npriority = ["dormancy.alert"]\n'
    assert warned(text) == ["contact.priority: changes nothing without caps"]
    assert warned(text + "caps = [{ messages = 1, days = 1 }]\n") == []


def test_service_for_tiers_that_nobody_is_in_is_named() -> None:
    service = (
        "[care.visits]\nactivities = ['visit']\ndays = { T1 = 3, T2 = 9, rest = 20 }\n"
        "[[care.tickets]]\ntiers = ['T1', 'T2']\nresponse_hours = 2\n"
        "[[care.tickets]]\ntiers = ['T2']\nresponse_hours = 4\n"
    )
    found = places(NO_LANDING + tiers("min_score = 40", "min_score = 70") + service)
    assert found[-2:] == ["care.visits.days.T2", "care.tickets[2]"]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("warn_days = 5", ["points.warn_days"]),
        ('warn_days = 5\nwarn_action = "spend_them"', ["points.warn_days"]),
        ("warn_days = 5\nexpire_after_days = 90", []),
        ("", []),
    ],
)
def test_a_reminder_of_points_that_never_expire_is_named(points: str, expected: list[str]) -> None:
    assert places(f"[points]\n{points}\n") == expected


def test_a_label_of_an_action_that_is_never_sent_is_said_in_vain() -> None:
    labels = "".join(
        f'[actions.{name}]\nlabel = {{ en = "{name}" }}\n'
        for name in ("nurture", "win_back", "call")
    )
    text = '[dormancy.actions]\ndormant = "win_back"\n' + labels
    assert warned(text) == ["actions.call: nothing in the policy sends this action"]
