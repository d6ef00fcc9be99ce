"""Answers with many customers: their profiles, and where the next page is."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import orjson
from fastapi import Request, Response

from serving.api.answers import raw_response
from serving.api.auth import Caller
from serving.api.dependencies import Services, need_view
from serving.api.masking import seen_by
from serving.view.query import Page


async def found_page(services: Services, caller: Caller, request: Request, found: Page) -> Response:
    """The profiles of the customers of a page, in its order."""
    need_view(services.view)
    ids = [hit.customer_id for hit in found.hits]
    return page(await seen_profiles(services, caller, ids), request, found.cursor)


async def seen_profiles(
    services: Services, caller: Caller, ids: Sequence[str]
) -> list[bytes | None]:
    """The profile of each of ``ids`` as the caller may see it; None for who has none."""
    if not ids:
        return []
    found = await services.view.profiles(ids)
    need_view(services.view)
    sees = caller.sees_attributes
    return [
        None if profile is None else seen_by(profile, sees_attributes=sees) for profile in found
    ]


def page(entries: Sequence[bytes | None], request: Request, cursor: str | None) -> Response:
    """Documents that are JSON already, and the path of the next page.

    An entry is None for a customer who vanished since the page was found.
    """
    following = None if cursor is None else next_path(request, cursor)
    customers = b",".join(entry for entry in entries if entry is not None)
    return raw_response(b'{"customers":[%b],"next":%b}' % (customers, orjson.dumps(following)))


def next_path(request: Request, cursor: str) -> str:
    """The path of a request with another cursor."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"
