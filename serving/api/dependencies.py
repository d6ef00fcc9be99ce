"""What the routes work with."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from serving.api.auth import Access
from serving.api.erasing import Eraser
from serving.api.health import ApiHealth
from serving.api.jobs import Explainer
from serving.api.problems import Problem
from serving.api.sse.manager import Streams
from serving.view.changes_reader import ChangesReader
from serving.view.reader import ViewReader


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one process."""

    access: Access
    view: ViewReader
    changes: ChangesReader
    streams: Streams
    explainer: Explainer
    eraser: Eraser
    health: ApiHealth


def need_view(reader: ViewReader | ChangesReader) -> None:
    """To be asked of a reader after a read, since nothing is found where there is no view.

    Raises:
        Problem: there is none.
    """
    if not reader.is_there:
        raise Problem("no-view", "Redis holds no view yet", headers={"Retry-After": "5"})


def services_of(request: Request) -> Services:
    """The parts of the process that answers ``request``."""
    found: Services = request.app.state.services
    return found
