"""Satisfaction, health and holdout: worked out from everything that was ever told."""

import hashlib
import math
from fractions import Fraction
from typing import Any

from tests.oracle.customer import Customer
from tests.oracle.grades import is_by_satisfaction
from tests.oracle.ledger import Figures
from tests.oracle.levels import ACTIVE, AT_RISK, CHURNED, DORMANT
from tests.oracle.policy import Policy
from tests.oracle.times import HOUR_MS

HEALTH_DEFAULTS = {
    "recency": 1,
    "frequency": 1,
    "monetary": 0,
    "level": 1,
    "satisfaction": 1,
    "support": 1,
    "complaint_cost": 50,
    "ticket_cost": 10,
}
LEVEL_PARTS = {ACTIVE: 100, AT_RISK: 66, DORMANT: 33, CHURNED: 0}

Resolution = tuple[int, int]
"""When a ticket was resolved, and after how many milliseconds."""


def resolutions_of(told: list[tuple[int, str]]) -> list[Resolution]:
    """The resolutions of one ticket from all that was told of it, in order of arrival."""
    in_order: list[tuple[int, str]] = []
    found: list[Resolution] = []
    early_ms: int | None = None  # resolved then, before any opening was told
    opened_ms: int | None = None
    for at_ms, kind in told:
        if in_order and at_ms < max(each_ms for each_ms, _ in in_order):
            if kind != "ticket.resolved" and early_ms is not None:
                resolved_ms = in_order[-1][0]
                found.append((resolved_ms, resolved_ms - at_ms))
                early_ms = None
            continue
        is_first = not in_order
        in_order.append((at_ms, kind))
        if kind != "ticket.resolved":
            early_ms = None
            opened_ms = at_ms if opened_ms is None else opened_ms
        elif opened_ms is not None:
            found.append((at_ms, at_ms - opened_ms))
            opened_ms = None
        elif is_first:
            early_ms = at_ms
    return found


def last_scores(customer: Customer, survey: str, count: int) -> list[int]:
    answers = [(at_ms, score) for name, at_ms, score in customer.answers if name == survey]
    return [score for _, score in sorted(answers, key=lambda answer: answer[0])][-count:]


def look_for_scores(customer: Customer, former: Policy, policy: Policy) -> None:
    """Under a new policy: those that grade by satisfaction find what was kept before them."""
    if not is_by_satisfaction(policy):
        customer.graded_scores = []
    elif not is_by_satisfaction(former):
        kept = [(at_ms, score) for name, at_ms, score in customer.answers if name == "csat"]
        customer.graded_scores = kept


def churn_answer(customer: Customer) -> tuple[str, int] | None:
    """Why the customer left, and when that was told: of equal times the one that arrived last."""
    if not customer.churn_answers:
        return None
    at_ms = max(each_ms for each_ms, _ in customer.churn_answers)
    return [each for each_ms, each in customer.churn_answers if each_ms == at_ms][-1], at_ms


def _mean(values: list[int], unit: int = 1) -> str | None:
    if not values:
        return None
    hundredths = round(Fraction(sum(values), len(values)) / unit * 100)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def satisfaction_of(customer: Customer, policy: Policy) -> dict[str, Any] | None:
    given = policy.sections.get("satisfaction")
    if given is None:
        return None
    csat = last_scores(customer, "csat", given.get("answers", 10))
    nps = last_scores(customer, "nps", given.get("answers", 10))
    count = given.get("resolutions", 10)
    took = [took_ms for _, took_ms in sorted(customer.resolutions, key=lambda r: r[0])][-count:]
    tickets = customer.open_tickets()
    return {
        "open_tickets": len(tickets),
        "open_complaints": len([t for t in tickets if t.kind == "complaint"]),
        "csat_last": csat[-1] if csat else None,
        "csat_mean": _mean(csat),
        "csat_answers": len(csat),
        "nps_last": nps[-1] if nps else None,
        "nps_mean": _mean(nps),
        "nps_answers": len(nps),
        "resolution_hours_mean": _mean(took, HOUR_MS),
        "resolutions": len(took),
    }


def _satisfaction_part(customer: Customer, policy: Policy) -> int | None:
    count = policy.sections.get("satisfaction", {}).get("answers", 10)
    places = []
    for survey, low, high in (("csat", 1, 5), ("nps", 0, 10)):
        scores = last_scores(customer, survey, count)
        if scores:
            mean = Fraction(sum(scores), len(scores))
            places.append((mean - low) / (high - low))
    return math.floor(100 * sum(places) / len(places)) if places else None


def health_of(customer: Customer, figures: Figures | None, policy: Policy) -> dict[str, Any] | None:
    given = policy.sections.get("health")
    if given is None:
        return None
    given = HEALTH_DEFAULTS | given
    tickets = customer.open_tickets()
    cost = sum(
        given["complaint_cost"] if ticket.kind == "complaint" else given["ticket_cost"]
        for ticket in tickets
    )
    parts = {
        "recency": figures and 25 * (figures.r - 1),
        "frequency": figures and 25 * (figures.f - 1),
        "monetary": figures and 25 * (figures.m - 1),
        "level": LEVEL_PARTS[customer.level] if figures else None,
        "satisfaction": _satisfaction_part(customer, policy),
        "support": 100 - min(cost, 100),
    }
    weights = {name: Fraction(str(given[name])) for name in parts if Fraction(str(given[name])) > 0}
    known = {name: part for name in weights if (part := parts[name]) is not None}
    score = None
    if known:
        total = sum(weights[name] * part for name, part in known.items())
        score = math.floor(total / sum(weights[name] for name in known))
    return {"score": score, "parts": {name: parts[name] for name in weights}}


def is_held_out(customer_id: str, policy: Policy) -> bool | None:
    given = policy.sections.get("holdout")
    if given is None:
        return None
    digest = hashlib.sha256((given["salt"] + ":" + customer_id).encode()).hexdigest()
    return Fraction(int(digest[:16], 16), 16**16) < Fraction(str(given["share"]))
