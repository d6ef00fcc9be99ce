"""The file with the hashes of the tokens, read again when it changes."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from serving.api.tokens import Token, checked_name, checked_scopes, find_token

TOKENS_MAX = 200
_FILE_MAX_BYTES = 256 * 1024

_log = structlog.get_logger(__name__)


class TokenFileError(ValueError):
    """The file cannot be used; the message is one sentence with the file and line."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, AfterValidator(checked_name)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    scopes: Annotated[list[str], AfterValidator(checked_scopes)]
    expires: AwareDatetime | None = None

    def token(self) -> Token:
        expires_ms = None if self.expires is None else int(self.expires.timestamp() * 1_000)
        return Token(self.name, self.sha256, frozenset(self.scopes), expires_ms)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    tokens: Annotated[list[_Entry], Field(max_length=TOKENS_MAX)] = Field(default_factory=list)


def read_tokens(path: Path) -> tuple[Token, ...]:
    """The tokens of a file.

    Raises:
        TokenFileError: it is not there, too large, or something in it is wrong. Then no part of it
            is used: a skipped line might be the one that revokes a token.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_FILE_MAX_BYTES + 1)
    except OSError as error:
        raise TokenFileError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if len(raw) > _FILE_MAX_BYTES:
        raise TokenFileError(f"{path}: has more than {_FILE_MAX_BYTES // 1024} KiB")
    try:
        document = _Document.model_validate(tomllib.loads(raw.decode()))
    except ValidationError as error:
        reasons = [_reason(found["loc"], found["msg"]) for found in error.errors()]
        raise TokenFileError(f"{path}: {'; '.join(reasons)}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TokenFileError(f"{path}: {error}") from None
    tokens = tuple(entry.token() for entry in document.tokens)
    for what, values in (
        ("name", [token.name for token in tokens]),
        ("sha256", [token.digest for token in tokens]),
    ):
        value, times = Counter(values).most_common(1)[0] if values else ("", 0)
        if times > 1:
            raise TokenFileError(f"{path}: two tokens have the {what} {value}")
    return tokens


def _reason(location: tuple[int | str, ...], message: str) -> str:
    where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{where.removeprefix('.')}: {message.removeprefix('Value error, ')}"


class TokenFile:
    """The valid tokens.

    If a changed file cannot be used, the tokens before it stay valid, and an error is logged once.

    Args:
        path: of the file.

    Raises:
        TokenFileError: the file cannot be used at the start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._tokens = read_tokens(path)

    def refresh(self) -> None:
        """Read the file again if it changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._tokens = read_tokens(self._path)
        except TokenFileError as error:
            _log.error("the token file cannot be used, the tokens before stay", reason=str(error))
        else:
            _log.info("tokens read", count=len(self._tokens))

    def find(self, presented: str, now_ms: int) -> Token | None:
        """The token that was presented, if it is valid."""
        token = find_token(self._tokens, presented)
        return token if token is not None and token.is_valid(now_ms) else None

    def has(self, token: Token, now_ms: int) -> bool:
        """Whether a token that was found before is still valid, with the same scopes."""
        return token in self._tokens and token.is_valid(now_ms)

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size
