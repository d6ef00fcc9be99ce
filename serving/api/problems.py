"""Every error of the API, as a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:tierstream:problem:"


class Kind(NamedTuple):
    """A kind of problem: its HTTP status, and what it means, for the documentation."""

    status: int
    meaning: str


KINDS: Mapping[str, Kind] = {
    "bad-request": Kind(400, "The request is not valid HTTP."),
    "bad-cursor": Kind(400, "The cursor is invalid, or belongs to another query."),
    "bad-position": Kind(
        400, "The `Last-Event-ID` is invalid, or belongs to another selection of changes."
    ),
    "no-token": Kind(401, "The bearer token is missing, invalid or expired."),
    "not-allowed": Kind(403, "The token is valid but lacks the required scope."),
    "unknown-path": Kind(404, "There is nothing at this path."),
    "unknown-customer": Kind(
        404, "The view has no such customer: never seen, erased, or merged into another."
    ),
    "no-policy": Kind(404, "No worker has decided by a policy yet."),
    "wrong-method": Kind(405, "The path allows other methods; `Allow` names them."),
    "body-too-large": Kind(413, "Requests must have no body, or a very short one."),
    "path-too-long": Kind(414, "Path and query exceed 8 KiB."),
    "wrong-host": Kind(421, "Without a token file, only requests to a loopback name are allowed."),
    "bad-parameter": Kind(422, "Parameters are wrong or unknown; `errors` names each."),
    "too-many-requests": Kind(
        429, "More requests than allowed; `Retry-After` says when to try again."
    ),
    "headers-too-large": Kind(431, "The headers exceed 16 KiB."),
    "internal-error": Kind(500, "A bug. The log has it under the id in `instance`."),
    "view-unavailable": Kind(503, "Redis does not answer; nothing is lost. Try again."),
    "no-view": Kind(503, "Redis has no view yet, or lost it; the projector fills it."),
    "kafka-unavailable": Kind(503, "Kafka does not answer; nothing was done. Try again."),
    "too-many-streams": Kind(503, "All streams of changes are in use. Try again."),
    "too-busy": Kind(503, "Too many queries at once for this process. Try again."),
    "too-slow": Kind(504, "The response took longer than the limit and was cancelled."),
}


class Problem(Exception):
    """Raised where a request cannot be answered; becomes the response.

    Args:
        kind: one of `KINDS`.
        detail: one sentence about this occurrence; no personal data.
        headers: for the response.
        errors: each wrong parameter, as ``name`` and ``reason``.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = errors

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    def body(self, instance: str | None = None) -> bytes:
        """The document; ``instance`` identifies this occurrence, in the log as well."""
        document: dict[str, object] = {
            "type": _TYPE_PREFIX + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if instance is not None:
            document["instance"] = instance
        if self.errors:
            document["errors"] = list(self.errors)
        return orjson.dumps(document)


def unknown_customer() -> Problem:
    """The problem of a customer whom the view does not have."""
    return Problem("unknown-customer", "the view has no such customer")


JSON = "application/json"


def json_response(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(orjson.dumps(value), status, media_type=JSON)


def raw_response(document: bytes, status: int = 200) -> Response:
    """A JSON document that is encoded already."""
    return Response(document, status, media_type=JSON)


def struct_response(document: msgspec.Struct) -> Response:
    """A document of a declared type as JSON."""
    return raw_response(msgspec.json.encode(document))


def problem_response(problem: Problem, state: Any) -> Response:
    """The response of a problem; ``state`` is that of the request."""
    body = problem.body(instance_of(state))
    return Response(body, problem.status, problem.headers, MEDIA_TYPE)


def instance_of(state: Any) -> str:
    """The name of this request in problem documents."""
    return f"urn:tierstream:request:{state['request_id']}"
