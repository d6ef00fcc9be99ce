"""Authenticates callers by their bearer token, and authorizes them by its scopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.api.middleware import too_many
from serving.api.problems import Problem
from serving.api.rate_limit import RateLimiter
from serving.api.token_file import TokenFile
from serving.api.tokens import Token

_CHALLENGE = 'Bearer realm="tierstream"'


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request.

    Attributes:
        name: of the token, for the log.
        scopes: what the caller may do.
        token: None where none is needed.
    """

    name: str
    scopes: frozenset[str]
    token: Token | None = None

    @property
    def sees_attributes(self) -> bool:
        """Whether the caller may see personal attributes."""
        return "attributes" in self.scopes


ANYONE = Caller("anyone", frozenset(("read", "attributes")))
"""The caller where no tokens are set up, which is on loopback only. Nobody may erase there."""


class Access:
    """Identifies a caller by the `Authorization` header.

    Args:
        tokens: the valid tokens; None if none are set up.
        requests: limits the requests of each token.
        wall_ms: the time in milliseconds since 1970.
    """

    def __init__(
        self, tokens: TokenFile | None, requests: RateLimiter, wall_ms: Callable[[], int]
    ) -> None:
        self._tokens = tokens
        self._requests = requests
        self._wall_ms = wall_ms

    @property
    def is_open(self) -> bool:
        """Whether anyone may read."""
        return self._tokens is None

    def admit(self, authorization: str | None, scope: str) -> Caller:
        """The caller, who has ``scope``.

        Raises:
            Problem: the token is not valid, lacks the scope, or sends too many requests.
        """
        caller = ANYONE if self._tokens is None else self._known(self._tokens, authorization)
        self.require(caller, scope)
        return caller

    def require(self, caller: Caller, scope: str) -> None:
        """Check that a caller who was admitted has a further scope.

        Raises:
            Problem: the token lacks it.
        """
        if scope not in caller.scopes:
            raise _lacking(scope, is_open=self.is_open)

    def still_admits(self, caller: Caller) -> bool:
        """Whether a caller who was admitted before would still be."""
        if self._tokens is None or caller.token is None:
            return True
        return self._tokens.has(caller.token, self._wall_ms())

    def refresh(self) -> None:
        """Read the token file again if it changed."""
        if self._tokens is not None:
            self._tokens.refresh()

    def _known(self, tokens: TokenFile, authorization: str | None) -> Caller:
        kind, _, presented = (authorization or "").partition(" ")
        token = None
        if kind.lower() == "bearer":
            token = tokens.find(presented.strip(), self._wall_ms())
        if token is None:
            given = authorization is not None
            challenge = _CHALLENGE + (', error="invalid_token"' if given else "")
            raise Problem(
                "no-token",
                "the bearer token is not valid" if given else "a bearer token is needed",
                headers={"WWW-Authenticate": challenge},
            )
        wait_s = self._requests.take(token.name)
        if wait_s:
            raise too_many("this token", wait_s)
        return Caller(token.name, token.scopes, token)


def _lacking(scope: str, *, is_open: bool) -> Problem:
    challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
    return Problem(
        "not-allowed",
        f"the scope {scope} is needed" + (", and no tokens are set up" if is_open else ""),
        headers={"WWW-Authenticate": challenge},
    )
