"""How a customer feels, as the profile shows it, and what is counted of it by tier."""

from __future__ import annotations

from msgspec import Struct

from handlers.context import Context
from handlers.events import SurveyAnswered
from handlers.state.customer import Customer
from scoring.policy import Satisfaction
from scoring.satisfaction import HOUR_MS, Experience, mean_text, newest


class SatisfactionView(Struct, frozen=True):
    """Open tickets, and what surveys and resolutions say; null where nothing is known.

    Means are exact, as decimal text rounded to two decimals, ties to even.
    """

    open_tickets: int
    open_complaints: int
    csat_last: int | None
    csat_mean: str | None
    csat_answers: int
    nps_last: int | None
    nps_mean: str | None
    nps_answers: int
    resolution_hours_mean: str | None
    resolutions: int


def satisfaction_view(customer: Customer, declared: Satisfaction) -> SatisfactionView:
    """The newest answers and resolutions, as many as the policy asks for, and their means."""
    kept = customer.experience or Experience()
    csat, nps = newest(kept.csat, declared.answers), newest(kept.nps, declared.answers)
    resolutions = newest(kept.resolutions, declared.resolutions)
    return SatisfactionView(
        open_tickets=customer.open_tickets,
        open_complaints=customer.open_complaints,
        csat_last=csat[-1] if csat else None,
        csat_mean=mean_text(csat),
        csat_answers=len(csat),
        nps_last=nps[-1] if nps else None,
        nps_mean=mean_text(nps),
        nps_answers=len(nps),
        resolution_hours_mean=mean_text(resolutions, HOUR_MS),
        resolutions=len(resolutions),
    )


def count_answer(context: Context, customer: Customer, event: SurveyAnswered) -> None:
    """Count an answer under the tier its customer is in."""
    context.tally.answers[event.survey, customer.tier, str(event.score)] += 1
