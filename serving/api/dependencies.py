"""What the routes depend on: the parts of the process, and the caller's token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from serving.api.auth import Access, Caller
from serving.api.health import ApiHealth
from serving.api.jobs import EraseJobs, ExplainJobs, PolicyJob
from serving.api.problems import Problem
from serving.api.sse.manager import StreamManager
from serving.api.tokens import SCOPES
from serving.view.changes_reader import ChangesReader
from serving.view.figures_reader import FiguresReader
from serving.view.history import HistoryReader
from serving.view.reader import ViewReader
from serving.view.same_person_reader import SamePersonReader
from serving.view.timeline_reader import TimelineReader


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one process."""

    access: Access
    view: ViewReader
    changes: ChangesReader
    figures: FiguresReader
    history: HistoryReader
    timelines: TimelineReader
    same_person: SamePersonReader
    streams: StreamManager
    explain_jobs: ExplainJobs
    erase_jobs: EraseJobs
    policy_job: PolicyJob
    health: ApiHealth


class Reader(Protocol):
    """Reads from the view."""

    @property
    def is_there(self) -> bool:
        """Whether there was a view at the last read."""


def need_view(reader: Reader) -> None:
    """Check after a read that there was a view; without one nothing is found.

    Raises:
        Problem: there is no view.
    """
    if not reader.is_there:
        raise Problem("no-view", "Redis holds no view yet", headers={"Retry-After": "5"})


def services_of(request: Request) -> Services:
    """The parts of the process."""
    found: Services = request.app.state.services
    return found


class Requires(SecurityBase):
    """A dependency of a route: the caller must have a scope.

    Args:
        scope: of `SCOPES`.
    """

    def __init__(self, scope: str) -> None:
        scopes = "; ".join(f"`{name}`: {meaning}" for name, meaning in SCOPES.items())
        self.model = HTTPBearer(
            description=f"A token made by `tierstream api-token`. Its scopes: {scopes}."
        )
        self.scheme_name = "bearer"
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:
        """The caller of a request.

        Raises:
            Problem: the caller has no valid token, or not this scope.
        """
        access = services_of(request).access
        caller = access.admit(request.headers.get("authorization"), self._scope)
        request.state.caller = caller.name
        return caller


CanRead = Annotated[Caller, Depends(Requires("read"))]
CanErase = Annotated[Caller, Depends(Requires("erase"))]
