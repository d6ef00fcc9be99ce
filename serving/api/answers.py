"""How answers are put into responses."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from serving.api.frame import instance_of
from serving.api.problems import MEDIA_TYPE, Problem

JSON = "application/json"


def json_response(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(orjson.dumps(value), status, media_type=JSON)


def raw_response(document: bytes, status: int = 200) -> Response:
    """JSON as it is."""
    return Response(document, status, media_type=JSON)


def problem_response(problem: Problem, state: Any) -> Response:
    """A problem as its document; ``state`` is that of the request."""
    body = problem.body(instance_of(state))
    return Response(body, problem.status, problem.headers, MEDIA_TYPE)
