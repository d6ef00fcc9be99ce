"""Checks and converts the parameters of requests."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import unquote

from fastapi import Path, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from config.durations import parse_duration
from handlers.decode.fields import valid_customer_id
from scoring.timestamps import parse_rfc3339
from serving.api.problems import Problem

_NO_ID = "has 1 to 128 characters, none of them a control character"

LIMIT_MAX = 200
"""The most customers of a page."""


class Parameters(BaseModel):
    """Query parameters of a route; an unknown one is an error."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Paged(Parameters):
    """Parameters of a list that is read page by page."""

    limit: int = Field(default=50, ge=1, le=LIMIT_MAX, description="Entries of a page, at most.")
    cursor: str | None = Field(
        default=None, description="Where the page before ended; `next` has it."
    )


class Within(Paged):
    """Those of a list that looks ahead."""

    within: str = Field(default="7d", description="How far to look ahead.", examples=["7d"])


class Amount(Paged):
    """Those of a list of who is near the next tier."""

    amount: float = Field(
        ge=0,
        allow_inf_nan=False,
        description="The largest order that may be lacking, in the policy's currency.",
        examples=[50],
    )


_PERIOD_DAYS = 7
_PERIOD_DAYS_MAX = 3_660
_DAY = re.compile(r"(?:19[7-9]|[2-8][0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}", re.ASCII)


def _day(text: object) -> object:
    """A date as it is written; numbers would be taken for seconds since 1970."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("is a date such as 2026-01-31, from 1970 on")
    return text


_Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]


class Period(Parameters):
    """Parameters of what happened in some days."""

    first_day: _Day | None = Field(
        default=None, alias="from", description="The first day, UTC; else six days before the last."
    )
    last_day: _Day | None = Field(
        default=None, alias="to", description="The last day, UTC; else today."
    )

    def days(self) -> tuple[date, date]:
        """The first and the last day, checked.

        Raises:
            Problem: the period is too long, or ends before it begins.
        """
        last = self.last_day or datetime.now(UTC).date()
        first = self.first_day or last - timedelta(days=_PERIOD_DAYS - 1)
        if not 0 <= (last - first).days < _PERIOD_DAYS_MAX:
            raise wrong("from", f"is at most {_PERIOD_DAYS_MAX} days before to, and not after it")
        return first, last


Format = Annotated[
    Literal["json", "csv"] | None,
    Field(description="Else as `Accept` says: JSON, or `text/csv`."),
]
"""In which form a list is told."""


def no_parameters(request: Request) -> None:
    """Refuse query parameters on a route that has none.

    Raises:
        Problem: there are some.
    """
    unknown = sorted(request.query_params.keys())
    if unknown:
        raise wrong(unknown[0][:64], "is no parameter of this path")


def _customer_id(encoded: str) -> str:
    try:
        found = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("is no text in UTF-8") from None
    if not valid_customer_id(found):
        raise ValueError(_NO_ID)
    return found


CustomerId = Annotated[
    str,
    AfterValidator(_customer_id),
    Path(description="Id of the customer, percent-encoded (a `/` as `%2F`).", examples=["ana"]),
]
"""The id in a path. Routes are found while it is still encoded, since it may hold a slash."""


def checked_customer_id(found: str, name: str) -> str:
    """A valid customer id; ``name`` is the parameter it came in.

    Raises:
        Problem: it is not valid.
    """
    if not valid_customer_id(found):
        raise wrong(name, _NO_ID)
    return found


def known_values(name: str, values: Collection[str], known: Sequence[str]) -> None:
    """Check that all values of a parameter are known.

    Raises:
        Problem: some are not.
    """
    if not set(values) <= set(known):
        raise wrong(name, f"is one or more of {', '.join(known)}")


def span_ms(text: str, name: str) -> int:
    """A duration such as ``7d``, in milliseconds.

    Raises:
        Problem: it is none.
    """
    try:
        return parse_duration(text).ms
    except ValueError:
        raise wrong(name, "is a span of time such as 12h or 7d") from None


def instant_before(text: str, name: str, now_ms: int) -> int:
    """A time in RFC 3339, or how long ago such as ``7d``, in milliseconds since 1970.

    Raises:
        Problem: it is neither.
    """
    instant_ms = parse_rfc3339(text)
    if instant_ms is None:
        try:
            instant_ms = now_ms - parse_duration(text).ms
        except ValueError:
            raise wrong(
                name, "is a time such as 2026-01-31T00:00:00Z, or how long ago, such as 7d"
            ) from None
    return max(0, instant_ms)


def wrong(name: str, reason: str) -> Problem:
    """The problem of a parameter that is wrong."""
    errors = [{"name": name, "reason": reason}]
    return Problem("bad-parameter", f"{name} {reason}", errors=errors)
