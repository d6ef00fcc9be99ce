"""Responses with profiles: what a caller may see of them, and the path of the next page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
import orjson
from fastapi import Request, Response

from handlers.care.upcoming import BIRTHDAY
from serving.api.auth import Caller
from serving.api.dependencies import Services, need_view
from serving.api.problems import raw_response
from serving.view.query import Page

_NO_ATTRIBUTES = msgspec.Raw(b"{}")

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def without_attributes(profile: bytes) -> bytes:
    """A profile with empty attributes; all else stays the same to the byte."""
    fields = _decode_fields(profile)
    if "attributes" in fields:
        fields["attributes"] = _NO_ATTRIBUTES
    return _encode(fields)


def seen_by(profile: bytes, *, sees_attributes: bool) -> bytes:
    """A profile as a caller may see it."""
    return profile if sees_attributes else without_attributes(profile)


def without_birthday(explanation: bytes) -> bytes:
    """An explanation without the one personal attribute in it, the birthday."""
    fields = _decode(explanation)
    if fields.get("reminders"):
        fields["reminders"] = [
            reminder for reminder in fields["reminders"] if reminder["kind"] != BIRTHDAY
        ]
    due = fields.get("due")
    if due:
        birthday = {"kind": "reminder", "subject": BIRTHDAY}
        due["reasons"] = [reason for reason in due["reasons"] if reason != birthday]
        if not due["reasons"]:
            fields["due"] = None
    return _encode(fields)


async def found_page(services: Services, caller: Caller, request: Request, found: Page) -> Response:
    """The response with the profiles of a page of customers."""
    need_view(services.view)
    ids = [hit.customer_id for hit in found.hits]
    return page(await seen_profiles(services, caller, ids), request, found.cursor)


async def seen_profiles(
    services: Services, caller: Caller, ids: Sequence[str]
) -> list[bytes | None]:
    """The profile of each of ``ids`` as the caller may see it; None for an unknown customer."""
    if not ids:
        return []
    found = await services.view.profiles(ids)
    need_view(services.view)
    sees = caller.sees_attributes
    return [
        None if profile is None else seen_by(profile, sees_attributes=sees) for profile in found
    ]


def page(entries: Sequence[bytes | None], request: Request, cursor: str | None) -> Response:
    """The response with documents that are JSON already, and the path of the next page.

    An entry is None for a customer who was removed since the page was found.
    """
    following = None if cursor is None else next_path(request, cursor)
    customers = b",".join(entry for entry in entries if entry is not None)
    return raw_response(b'{"customers":[%b],"next":%b}' % (customers, orjson.dumps(following)))


def next_path(request: Request, cursor: str) -> str:
    """The path of a request with another cursor."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"
