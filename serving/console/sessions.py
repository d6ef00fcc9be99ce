"""Who is logged in: tokens stay on the server, a browser has a random key for its own."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

SESSION_S = 12 * 3_600.0
"""How long a login lasts."""

_SESSIONS_MAX = 10_000
_TICKET_S = 30.0
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    ends_s: float


class Sessions:
    """Tokens by the key of a session, and tickets with which a browser gets its key once.

    A page logs in over its socket, which cannot set a cookie. So it gets a ticket, and the request
    that brings it back within seconds gets the key. Both are bounded: the oldest goes first.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, _Kept] = OrderedDict()
        self._tickets: OrderedDict[str, _Kept] = OrderedDict()

    def ticket(self, token: str) -> str:
        """A ticket for a token that was found valid."""
        return self._keep(self._tickets, token, _TICKET_S)

    def enter(self, ticket: str) -> str | None:
        """The key of a new session for a ticket; None if it was used, is unknown or too old."""
        token = self._find(self._tickets, ticket)
        self._tickets.pop(ticket, None)
        return None if token is None else self._keep(self._sessions, token, SESSION_S)

    def token(self, key: str | None) -> str | None:
        """The token of a session; None if there is no such session, or it ended."""
        return None if key is None else self._find(self._sessions, key)

    def leave(self, key: str | None) -> None:
        """End a session."""
        self._sessions.pop(key or "", None)

    def _keep(self, among: OrderedDict[str, _Kept], token: str, seconds: float) -> str:
        while len(among) >= _SESSIONS_MAX:
            among.popitem(last=False)
        key = secrets.token_urlsafe(_KEY_BYTES)
        among[key] = _Kept(token, self._clock() + seconds)
        return key

    def _find(self, among: OrderedDict[str, _Kept], key: str) -> str | None:
        kept = among.get(key)
        return kept.token if kept is not None and self._clock() < kept.ends_s else None
