"""The sections `[[care.tickets]]`, `[care.hours]` and `[care.visits]` of a policy file."""

from __future__ import annotations

import pytest

from config.policy_file import PolicyError, parse_policy
from config.policy_service import MAX_STEPS, MAX_TERMS
from scoring.policy import Escalation, ServiceHours, TicketTerms, VisitsPolicy

WHOLE = """
[[care.tickets]]
kind = "complaint"
severity = [3, 4, 5]
tiers = ["A"]
response_hours = 2
resolution_hours = 24
escalate = [{ after_hours = 24, to = "manager" }, { after_hours = 72, to = "director" }]

[[care.tickets]]
resolution_hours = 100

[care.hours]
weekdays = [1, 2, 6]
from = "09:00"
to = "18:30"
closed = ["2026-02-17"]

[care.visits]
activities = ["visit", "call"]
days = { A = 30, prospect = 90 }
"""


def test_every_key_is_read() -> None:
    care = parse_policy(WHOLE).care
    assert care is not None
    steps = (Escalation(24, "manager"), Escalation(72, "director"))
    assert care.tickets == (
        TicketTerms("complaint", (3, 4, 5), ("A",), 2, 24, steps),
        TicketTerms(resolution_hours=100),
    )
    assert care.hours == ServiceHours((1, 2, 6), "09:00", "18:30", ("2026-02-17",))
    assert care.visits == VisitsPolicy(("visit", "call"), {"A": 30, "prospect": 90})


def test_hours_are_all_day_from_monday_to_friday_if_nothing_else_is_said() -> None:
    care = parse_policy("[[care.tickets]]\nresponse_hours = 1\n[care.hours]").care
    assert care is not None
    assert care.hours == ServiceHours((1, 2, 3, 4, 5), "00:00", "24:00", ())


TICKET = "[[care.tickets]]\nresponse_hours = 1\n"
STEP = "{ after_hours = 24, to = 'a' }"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("care.tickets = 5", "care.tickets: must be written as [[care.tickets]] tables"),
        ("[[care.tickets]]", "care.tickets[1].response_hours: is missing, or resolution_hours"),
        (TICKET * (MAX_TERMS + 1), f"care.tickets: must be at most {MAX_TERMS} tables"),
        (TICKET + "kind = 'claim'", 'care.tickets[1].kind: must be "complaint" or "question"'),
        (
            TICKET + "severity = [0]",
            "care.tickets[1].severity: must be different whole numbers from 1 to 5",
        ),
        (
            TICKET + "severity = [6]",
            "care.tickets[1].severity: must be different whole numbers from 1 to 5",
        ),
        (
            TICKET + "severity = []",
            "care.tickets[1].severity: must be different whole numbers from 1 to 5",
        ),
        (TICKET + "severity = [3, 3]", "care.tickets[1].severity: must be different whole numbers"),
        (TICKET + "tiers = ['Z']", "care.tickets[1].tiers: 'Z' is no tier of this policy"),
        (TICKET + "tiers = []", "care.tickets[1].tiers: must name a tier, or be left out"),
        (TICKET + "hours = 2", "care.tickets[1].hours: unknown key"),
        (TICKET + "resolution_hours = 0", "care.tickets[1].resolution_hours: must be a whole"),
        (
            TICKET + f"escalate = [{STEP}, {{ after_hours = 24, to = 'b' }}]",
            "care.tickets[1].escalate[2].after_hours: must be more than 24, that of the step",
        ),
        (
            TICKET + f"escalate = [{STEP}, {{ after_hours = 2, to = 'b' }}]",
            "care.tickets[1].escalate[2].after_hours: must be more than 24",
        ),
        (
            TICKET + f"escalate = [{STEP}, {{ after_hours = 25, to = 'a' }}]",
            "care.tickets[1].escalate[1].to: 'a' stands twice",
        ),
        (
            TICKET + "escalate = [{ to = 'a' }]",
            "care.tickets[1].escalate[1].after_hours: is missing, a whole number from 1 to",
        ),
        (
            TICKET + "escalate = [{ after_hours = 1 }]",
            "care.tickets[1].escalate[1].to: must be a text of 1 to 64 characters",
        ),
        (
            TICKET + f"escalate = [{', '.join([STEP] * (MAX_STEPS + 1))}]",
            f"care.tickets[1].escalate: must be at most {MAX_STEPS} steps",
        ),
        ("[care.hours]", "care.hours: needs [[care.tickets]]: nothing counts the hours"),
        (TICKET + "[care.hours]\nfrom = '18:00'\nto = '18:00'", "care.hours.from: must be before"),
        (TICKET + "[care.hours]\nfrom = '18:00'\nto = '09:00'", "care.hours.from: must be before"),
        (TICKET + "[care.hours]\nfrom = '9:00'", "care.hours.from: must be a local time from"),
        (TICKET + "[care.hours]\nto = '24:30'", "care.hours.to: must be a local time from 00:00"),
        (TICKET + "[care.hours]\nweekdays = []", "care.hours.weekdays: must be different whole"),
        (TICKET + "[care.hours]\nweekdays = [8]", "care.hours.weekdays: must be different whole"),
        (TICKET + "[care.hours]\nclosed = ['02-17']", "care.hours.closed: '02-17' is no date such"),
        ("[care.visits]\ndays = { A = 1 }", "care.visits.activities: must name a contact"),
        ("[care.visits]\nactivities = ['x']", "care.visits.days: must have the days of a tier"),
        (
            "[care.visits]\nactivities = ['x']\ndays = { Z = 1 }",
            "care.visits.days.Z: is no tier of this policy, which has A, B, C, prospect",
        ),
        (
            "[care.visits]\nactivities = ['x']\ndays = { A = 0 }",
            "care.visits.days.A: must be a whole number from 1",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text)
    assert [found for found in refused.value.problems if found.startswith(problem)]
    assert all(found.startswith("care") for found in refused.value.problems)


@pytest.mark.parametrize("numbers", ["[6]", "[0]", "[]", "[3, 3]", "[1.5]", "3", "[true]"])
def test_wrong_severities_are_one_problem(numbers: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(TICKET + f"severity = {numbers}")
    (problem,) = refused.value.problems
    assert problem.startswith("care.tickets[1].severity: must be different whole numbers from 1")
