"""The pages of the console, one module each, and what registers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from nicegui import ui
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.console import files
from serving.console.frame import frame, titles
from serving.console.pages import (
    customer,
    customers,
    distributions,
    lists,
    login,
    movement,
    overview,
    policy,
    rfm_map,
)
from serving.console.panel import Panels
from serving.console.site import Site
from serving.console.visitor import BASE, Visitor, visitor_of

Build = Callable[[Visitor, QueryParams, Panels], None]
"""Makes the content of a page; what its panels show is loaded afterwards."""

_PAGES: dict[str, Build] = {
    "/": overview.build,
    "/movement": movement.build,
    "/map": rfm_map.build,
    "/distributions": distributions.build,
    "/lists": lists.build,
    "/policy": policy.build,
    "/customers": customers.build,
    "/customer": customer.build,
}


def add_pages(site: Site) -> None:
    """Register every page with the framework."""
    for path, build in _PAGES.items():
        ui.page(path)(_shown(site, path, build))
    login.add(site)
    files.add(site)


def _shown(site: Site, path: str, build: Build) -> Callable[..., Awaitable[Response | None]]:
    async def shown(request: Request) -> Response | None:
        visitor = visitor_of(site, request)
        if not visitor.is_known:
            return RedirectResponse(f"{BASE}/login?to={quote(visitor.path, safe='')}", 303)
        panels = Panels(visitor)
        with frame(visitor, _title(visitor, path), here=path):
            build(visitor, request.query_params, panels)
        # What is there so far is shown at once; then each panel loads.
        await ui.context.client.connected()
        await site.policy.refresh(visitor.api)
        await panels.refresh()
        return None

    return shown


def _title(visitor: Visitor, path: str) -> str:
    return titles(visitor.words).get(path) or visitor.words.say("Customer")
