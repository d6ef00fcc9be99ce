"""Checks and converts the parameters of requests."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Path, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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

    limit: int = Field(default=50, ge=1, le=LIMIT_MAX, description="Customers of a page, at most.")
    cursor: str | None = Field(
        default=None, description="Where the page before ended; `next` has it."
    )


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
