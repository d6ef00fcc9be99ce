"""What the sections of the settings have in common: how variables are read, and kinds of fields."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.durations import Duration, parse_duration
from config.field_checks import duration_between

ENV_PREFIX = "TIERSTREAM_"

AnyDuration = Annotated[Duration, NoDecode, BeforeValidator(parse_duration)]
Upper = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)

UNLESS_ASKED = "set TIERSTREAM_ALLOW_INSECURE_CREDENTIALS=true if that is meant"
"""How a refusal ends that `allow_insecure_credentials` lifts."""


def between(low: str, high: str) -> AfterValidator:
    """A check that a duration lies between two others."""
    return AfterValidator(duration_between(parse_duration(low), parse_duration(high)))


class Section(BaseSettings):
    """A group of settings. Variables are ``TIERSTREAM_`` and the name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        hide_input_in_errors=True,
    )


class CredentialSettings(Section):
    """For the sections with a login."""

    allow_insecure_credentials: bool = Field(
        default=False,
        description="Send credentials to Kafka or Redis without TLS, or without checking the "
        "server's certificate.",
    )


def refuse_files(section: Section, names: tuple[str, ...], reason: str) -> None:
    """Refuse TLS files where there is no TLS."""
    for name in names:
        if getattr(section, name) is not None:
            raise ValueError(f"{ENV_PREFIX}{name.upper()} is set, but {reason}")


def check_key_pair(section: Section, prefix: str) -> None:
    """Refuse a key without a certificate."""
    if getattr(section, f"{prefix}_certfile") is not None:
        return
    for name in (f"{prefix}_keyfile", f"{prefix}_keyfile_password"):
        if getattr(section, name) is not None:
            variable = f"{ENV_PREFIX}{prefix.upper()}_CERTFILE"
            raise ValueError(f"{ENV_PREFIX}{name.upper()} is set, but {variable} is not")
