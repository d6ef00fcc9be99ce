"""What all pages of one process share."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp

from serving.console.known_policy import KnownPolicy
from serving.console.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Site:
    """One console.

    Attributes:
        api: the application of the API, which the pages read.
        is_open: whether no login is needed.
        sessions: who is logged in.
        policy: the policy that is known.
    """

    api: ASGIApp
    is_open: bool
    sessions: Sessions
    policy: KnownPolicy
