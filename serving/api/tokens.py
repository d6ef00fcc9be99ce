"""Bearer tokens: how one is made, and what is stored of it.

A token is 256 random bits, so its plain SHA-256 cannot be reversed, and only that is kept.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

SCOPES = {
    "read": "profiles without their attributes, lists, figures and changes",
    "attributes": "with `read`: what is personal in them, attributes and birthdays",
    "erase": "erasing customers",
}

_TOKEN_PREFIX = "tst_"  # noqa: S105 - so that a scanner for leaked secrets knows one
_TOKEN_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """What is stored of a token.

    Attributes:
        name: whose it is, for logs and limits.
        digest: SHA-256 of the token, in hexadecimal.
        scopes: of `SCOPES`.
        expires_ms: from when on it is refused, in milliseconds since 1970; None: never.
    """

    name: str
    digest: str
    scopes: frozenset[str]
    expires_ms: int | None = None

    def is_valid(self, now_ms: int) -> bool:
        """Whether it has not expired."""
        return self.expires_ms is None or now_ms < self.expires_ms

    def toml(self) -> str:
        """The lines to add to a token file."""
        scopes = ", ".join(f'"{scope}"' for scope in SCOPES if scope in self.scopes)
        lines = [
            "[[tokens]]",
            f'name = "{self.name}"',
            f'sha256 = "{self.digest}"',
            f"scopes = [{scopes}]",
        ]
        if self.expires_ms is not None:
            expires = datetime.fromtimestamp(self.expires_ms / 1_000, UTC)
            lines.append(f"expires = {expires:%Y-%m-%dT%H:%M:%SZ}")
        return "\n".join(lines) + "\n"


def new_token() -> str:
    """A new random token."""
    return _TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> str:
    """The hash that is stored of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def find_token(tokens: Collection[Token], presented: str) -> Token | None:
    """The token that was presented, expired or not; takes the same time whichever it is."""
    digest = digest_of(presented)
    found = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest):
            found = token
    return found


def checked_name(name: str) -> str:
    """A valid name for a token.

    Raises:
        ValueError: it is not valid.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a name of a token takes 1 to 64 letters, digits, dots, dashes")
    return name


def checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Valid scopes that go together.

    Raises:
        ValueError: they do not.
    """
    found = frozenset(scopes)
    if not found or not found <= SCOPES.keys():
        raise ValueError(f"scopes are one or more of {', '.join(SCOPES)}")
    if "attributes" in found and "read" not in found:
        raise ValueError("the scope attributes means something only together with read")
    return found
