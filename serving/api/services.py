"""What the routes work with."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from serving.api.access import Access
from serving.api.erasing import Eraser
from serving.api.explaining import Explainer
from serving.api.health import ApiHealth
from serving.api.stream.streams import Streams
from serving.reader import ViewReader


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one process."""

    access: Access
    view: ViewReader
    streams: Streams
    explainer: Explainer
    eraser: Eraser
    health: ApiHealth


def services_of(request: Request) -> Services:
    """The parts of the process that answers ``request``."""
    found: Services = request.app.state.services
    return found
