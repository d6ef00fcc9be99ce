"""The description of the API: schemas from the types that make the responses, and examples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from handlers.explain.model import Explanation
from handlers.outputs import Profile
from handlers.profile.record import HealthView, SatisfactionView
from scoring.policy import Policy
from serving.api.models import MODELS, PROFILE_EXAMPLE
from serving.api.problems import KINDS, MEDIA_TYPE
from streams.erasure import Receipt

_REF = "#/components/schemas/{name}"
_ALWAYS = (400, 401, 403, 413, 414, 421, 422, 429, 431, 500)

_DESCRIPTION = """\
Who customers are, what is about to change, and what changes, as Tierstream keeps it.

Errors are problem documents (RFC 9457). Unknown query parameters are errors. Lists are read page
by page: follow `next` until it is null.
"""

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [f"urn:tierstream:problem:{kind}" for kind in KINDS]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence about this occurrence."},
        "instance": {"type": "string", "description": "Names the request; the log has it too."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "reason"],
                "properties": {"name": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}


def responses(
    schema: str, *problems: int, status: int = 200, csv: bool = False
) -> dict[int | str, dict[str, Any]]:
    """The responses of a route: a JSON document of one type, CSV if asked for, and problems."""
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": _REF.format(name=schema)}}}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    return {status: {"description": schema, "content": content}, **_problems(problems)}


def stream_responses(*problems: int) -> dict[int | str, dict[str, Any]]:
    """The responses of a route that streams events."""
    content = {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": (
                "id: AQAAAAAAAQAH…\nevent: tier.changed\n"
                'data: {"specversion":"1.0","type":"tier.changed","subject":"ana",…}\n\n'
            ),
        }
    }
    return {200: {"description": "Events", "content": content}, **_problems(problems)}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application, made once.

    Args:
        app: with all its routes.
    """
    if app.openapi_schema is None:
        document = get_openapi(
            title="Tierstream", version=app.version, description=_DESCRIPTION, routes=app.routes
        )
        components = document.setdefault("components", {})
        components["schemas"] = {
            **schemas((Profile, Explanation, Policy, Receipt, *MODELS)),
            "Problem": _PROBLEM,
        }
        app.openapi_schema = document
    return app.openapi_schema


def schemas(types: Iterable[type]) -> dict[str, Any]:
    """JSON Schemas of types (the profile must be one) and of all types that they contain."""
    parts = {"satisfaction": SatisfactionView, "health": HealthView}
    _, found = msgspec.json.schema_components([*types, *parts.values()], ref_template=_REF)
    # A profile names these two by their base only, and so says nothing about them.
    found.pop("Struct")
    for field, kind in parts.items():
        found["Profile"]["properties"][field] = {"$ref": _REF.format(name=kind.__name__)}
    found["Profile"]["examples"] = [PROFILE_EXAMPLE]
    return found


def _problems(more: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {
        status: {
            "description": ", ".join(
                f"`{n}`" for n, kind in KINDS.items() if kind.status == status
            ),
            "content": content,
        }
        for status in sorted({*_ALWAYS, *more})
    }
