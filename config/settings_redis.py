"""The settings of Redis: the server, the login, and what is kept there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config import field_checks
from config.durations import Duration
from config.redis_address import RedisAddress
from config.settings_section import (
    UNLESS_ASKED,
    AnyDuration,
    CredentialSettings,
    between,
    check_key_pair,
    refuse_files,
)

_FILES = (
    "redis_ssl_cafile",
    "redis_ssl_certfile",
    "redis_ssl_keyfile",
    "redis_ssl_keyfile_password",
)


class RedisSettings(CredentialSettings):
    """How the view in Redis is reached."""

    redis_url: Annotated[str, AfterValidator(field_checks.redis_url)] = Field(
        default="redis://127.0.0.1:6379/0",
        repr=False,
        description="Redis of the view: `redis://`, `rediss://` (TLS) or `unix://`, with user and"
        " password if needed.",
    )
    redis_username: str | None = Field(
        default=None, description="User for Redis, if it is not in the URL."
    )
    redis_password: SecretStr | None = Field(
        default=None, description="Password for Redis, if it is not in the URL."
    )
    redis_ssl_cafile: Path | None = Field(
        default=None, description="As `TIERSTREAM_SSL_CAFILE`, for a `rediss://` server."
    )
    redis_ssl_certfile: Path | None = Field(
        default=None, description="As `TIERSTREAM_SSL_CERTFILE`, for a `rediss://` server."
    )
    redis_ssl_keyfile: Path | None = Field(
        default=None, description="As `TIERSTREAM_SSL_KEYFILE`, for a `rediss://` server."
    )
    redis_ssl_keyfile_password: SecretStr | None = Field(
        default=None, description="As `TIERSTREAM_SSL_KEYFILE_PASSWORD`, for a `rediss://` server."
    )
    redis_key_prefix: Annotated[str, AfterValidator(field_checks.redis_key_prefix)] = Field(
        default="{tierstream}:",
        description="Prefix of every key, so that several views can share a Redis. The text in "
        "braces puts all keys into one slot of a Redis Cluster; braces are added to a"
        " prefix without them.",
    )
    changes_kept: Annotated[AnyDuration, between("1d", "3650d")] = Field(
        default=Duration(400 * 86_400_000),
        description="How far back the view has moves between tiers and the times at which levels "
        "were reached; new topics of these changes keep records as long.",
    )
    timeline_entries: Annotated[int, Field(ge=0, le=1_000)] = Field(
        default=100,
        description="How many entries the timeline of a customer keeps in the view, the newest; 0 "
        "keeps none.",
    )

    @property
    def redis_address(self) -> RedisAddress:
        """What the URL says, and whether there is a login."""
        has_login = self.redis_username is not None or self.redis_password is not None
        return RedisAddress.of(self.redis_url, has_login=has_login)

    @model_validator(mode="after")
    def _check_redis_login(self) -> Self:
        """Credentials, URL and TLS files fit together."""
        address = self.redis_address
        insecure_allowed = self.allow_insecure_credentials
        if address.has_credentials and address.scheme == "redis" and not insecure_allowed:
            raise ValueError(
                "REDIS_URL with credentials would send the Redis password without TLS; use "
                f"rediss://, or {UNLESS_ASKED}"
            )
        if address.has_credentials and address.skips_verification and not insecure_allowed:
            raise ValueError(
                "REDIS_URL switches off the check of the server's certificate, so anyone could "
                f"take the Redis password; {UNLESS_ASKED}"
            )
        if address.scheme != "rediss":
            reason = f"REDIS_URL begins with {address.scheme}://, without TLS"
            refuse_files(self, _FILES, reason)
        check_key_pair(self, "redis_ssl")
        return self
