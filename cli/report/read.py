"""Asks the API for the figures of a report."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx

from cli.report.period import AHEAD_DAYS, Period

Json = dict[str, Any]
"""A document as the API answers it."""


class NoFigures(Exception):
    """The API has no figures to report; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class PeriodEnd:
    """The figures at the end of a period.

    Attributes:
        rows: those of each tier, as in `/v1/figures`.
        total: those of all customers.
        as_of: the instant they are of; None for now.
    """

    rows: Mapping[str, Json]
    total: Json
    as_of: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the API tells for a report; each document as it came.

    Attributes:
        now: `/v1/figures` by tier.
        end: the figures at the end of the period; None where they are not known.
        before: the same of the period before.
        known_from: the first day whose figures are known; None for none.
        moves: `/v1/migrations` of the period.
        moves_before: those of the period before.
        falls: `/v1/falls`, from today on.
        satisfaction: `/v1/satisfaction` by tier.
        completeness: `/v1/completeness`.
    """

    now: Json
    end: PeriodEnd | None
    before: PeriodEnd | None
    known_from: str | None
    moves: Json
    moves_before: Json
    falls: Json
    satisfaction: Json
    completeness: Json


async def read_figures(
    api: httpx.AsyncClient, period: Period, timezone: str, today: date
) -> Figures:
    """Ask for everything.

    Args:
        api: a client of it.
        period: to report.
        timezone: whose days the falls are told by.
        today: the present day in UTC; the figures of a period that is not over are those of now.

    Raises:
        NoFigures: Redis does not answer, or has no view.
    """
    before = period.before
    now, past, moves, moves_before, falls, satisfaction, completeness = await asyncio.gather(
        ask(api, "/v1/figures"),
        ask(api, "/v1/history", **_days(before.last, period.last)),
        ask(api, "/v1/migrations", **_days(period.first, period.last)),
        ask(api, "/v1/migrations", **_days(before.first, before.last)),
        ask(api, "/v1/falls", days=AHEAD_DAYS[period.kind], timezone=timezone),
        ask(api, "/v1/satisfaction"),
        ask(api, "/v1/completeness"),
    )
    days = {day["day"]: day for day in past["days"]}
    return Figures(
        now=now,
        end=_end(now) if period.last >= today else _end_of(days, period.last),
        before=_end_of(days, before.last),
        known_from=past["known_from"],
        moves=moves,
        moves_before=moves_before,
        falls=falls,
        satisfaction=satisfaction,
        completeness=completeness,
    )


async def read_profiles(api: httpx.AsyncClient, ids: Iterable[str]) -> dict[str, Json]:
    """The profiles of customers by id, without those who are not there any more.

    Raises:
        NoFigures: as above.
    """
    wanted = list(ids)
    if not wanted:
        return {}
    page = await ask(api, "/v1/customers", id=wanted)
    return {profile["customer_id"]: profile for profile in page["customers"]}


async def ask(api: httpx.AsyncClient, path: str, **parameters: Any) -> Json:
    """A document of the API.

    Raises:
        NoFigures: it answers with a problem; the message has its sentence.
    """
    answer = await api.get(path, params=parameters)
    document: Json = answer.json()
    if answer.status_code != httpx.codes.OK:
        raise NoFigures(f"no figures from {path}: {document['detail']}")
    return document


def _days(first: date, last: date) -> dict[str, str]:
    return {"from": first.isoformat(), "to": last.isoformat()}


def _end_of(days: Mapping[str, Json], day: date) -> PeriodEnd | None:
    found = days.get(day.isoformat())
    return None if found is None else _end(found, found["as_of"])


def _end(found: Json, as_of: str | None = None) -> PeriodEnd:
    return PeriodEnd({row["value"]: row for row in found["rows"]}, found["total"], as_of)
