"""Probes for load balancers; metrics are on the port for operators."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from serving.api.dependencies import services_of
from serving.api.problems import json_response

router = APIRouter(tags=["probes"])


@router.get("/livez", summary="Whether the process is alive", response_class=Response)
async def livez(request: Request) -> Response:
    """200, or 503 if the process should be started anew."""
    return _probe(services_of(request).health.alive())


@router.get("/readyz", summary="Whether requests can be answered", response_class=Response)
async def readyz(request: Request) -> Response:
    """200, or 503 while Redis is away or has no view, or the process is about to end."""
    return _probe(services_of(request).health.ready())


def _probe(checks: Mapping[str, bool]) -> Response:
    well = all(checks.values())
    body = {"status": "ok" if well else "unavailable", "checks": dict(checks)}
    return json_response(body, 200 if well else 503)
