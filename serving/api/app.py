"""The application: its routes, its middleware, and a problem document for every error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    RedisError,
)
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from config.build import release
from serving.api import openapi
from serving.api.dependencies import Services
from serving.api.metrics import ApiMeter
from serving.api.middleware import LimitsMiddleware, RequestMiddleware
from serving.api.problems import Problem, problem_response
from serving.api.rate_limit import RateLimiter
from serving.api.routes import (
    changes,
    customers,
    figures,
    lists,
    policy,
    probes,
    same_person,
    search,
    statistics,
    work_lists,
)
from serving.view.cursor import BadCursor
from serving.view.reader import ViewChanging
from serving.view.redis import is_outage

_MODULES = (
    search,
    customers,
    same_person,
    lists,
    work_lists,
    statistics,
    figures,
    changes,
    policy,
    probes,
)

_REFUSALS = (AuthenticationError, AuthorizationError, NoPermissionError)


def create_app(services: Services, addresses: RateLimiter, meter: ApiMeter) -> ASGIApp:
    """Build the application.

    Args:
        services: what the routes depend on.
        addresses: limits the requests of each address.
        meter: receives the metrics.
    """
    app = FastAPI(
        title="Tierstream",
        version=release(),
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its page would load programs from somebody else's server
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    for module in _MODULES:
        app.include_router(module.router)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    limited = LimitsMiddleware(app, addresses, loopback_only=services.access.is_open)
    return RequestMiddleware(limited, meter, time.monotonic)


def _problem(request: Request, error: Exception) -> Response:
    return problem_response(cast(Problem, error), request.scope["state"])


def _no_route(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    if error.status_code == 405:
        allowed = ", ".join(sorted(_methods(request)))
        found = Problem("wrong-method", f"it takes {allowed}", headers={"Allow": allowed})
    else:
        found = Problem("unknown-path", "there is nothing at this path")
    return problem_response(found, request.scope["state"])


def _methods(request: Request) -> set[str]:
    """The methods of a path, of all its routes; the framework knows only those of the first."""
    return {
        method
        for module in _MODULES
        for route in module.router.routes
        if isinstance(route, APIRoute) and route.path_regex.match(request.scope["path"])
        for method in route.methods or ()
    }


def _invalid(request: Request, error: Exception) -> Response:
    errors = [
        {"name": ".".join(map(str, found["loc"][1:])), "reason": str(found["msg"]).lower()}
        for found in cast(RequestValidationError, error).errors()
    ]
    names = ", ".join(found["name"] for found in errors)
    problem = Problem("bad-parameter", f"wrong or unknown: {names}", errors=errors)
    return problem_response(problem, request.scope["state"])


def _redis(request: Request, error: Exception) -> Response:
    if not (is_outage(error) or isinstance(error, _REFUSALS)):
        raise error
    services: Services = request.app.state.services
    services.health.redis = services.health.view = False
    problem = Problem("view-unavailable", "Redis does not answer", headers={"Retry-After": "2"})
    return problem_response(problem, request.scope["state"])


def _changing(request: Request, error: Exception) -> Response:
    problem = Problem("view-unavailable", str(error), headers={"Retry-After": "1"})
    return problem_response(problem, request.scope["state"])


def _cursor(request: Request, error: Exception) -> Response:
    return problem_response(Problem("bad-cursor", str(error)), request.scope["state"])


def _bug(request: Request, error: Exception) -> Response:
    del error  # raised again to the middleware, which logs it
    return problem_response(
        Problem("internal-error", "this is a bug; the log has it"), request.scope["state"]
    )


_HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Response]] = {
    Problem: _problem,
    HTTPException: _no_route,
    RequestValidationError: _invalid,
    RedisError: _redis,
    ViewChanging: _changing,
    BadCursor: _cursor,
    Exception: _bug,
}
