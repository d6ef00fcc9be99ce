"""The address in a Redis URL, and whether credentials are sent; read as the client reads it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """The parts of a Redis URL that matter for security and for messages.

    Attributes:
        scheme: ``redis``, ``rediss`` or ``unix``.
        place: ``host:port``, or the path of the socket; never a credential.
        has_credentials: a user or password is sent, from the URL or from its own settings.
        skips_verification: the URL asks not to check the server's certificate or its name.
    """

    scheme: str
    place: str
    has_credentials: bool
    skips_verification: bool

    @classmethod
    def of(cls, url: str, *, has_login: bool) -> RedisAddress:
        """The address in a URL, which may name a user and password; or there is another login."""
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        verification = [
            *options.get("ssl_cert_reqs", []),
            *options.get("ssl_check_hostname", []),
        ]
        in_url = parts.username or parts.password or {"username", "password"} & {*options}
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        server = f"{host or 'localhost'}:{parts.port or 6379}"
        return cls(
            scheme=parts.scheme,
            place=parts.path if parts.scheme == "unix" else server,
            has_credentials=has_login or bool(in_url),
            skips_verification=any(
                word.lower() in ("none", "optional", "false", "f", "no", "n", "0")
                for word in verification
            ),
        )
