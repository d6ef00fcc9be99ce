"""The settings of what listens: `/metrics` and its probes, and the HTTP API."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config import field_checks
from config.durations import Duration
from config.settings_section import AnyDuration, Section, between, check_key_pair


class HttpSettings(Section):
    """Addresses, and what the API allows."""

    http_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address that serves `/metrics`, `/livez` and `/readyz`; there is no login, so "
        "open it only to a trusted network.",
    )
    http_port: int = Field(
        default=8080, ge=0, le=65_535, description="Its port; 0 takes any free one."
    )
    api_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address that the HTTP API listens on; beyond loopback it needs tokens, and "
        "TLS.",
    )
    api_port: int = Field(
        default=8088, ge=0, le=65_535, description="Its port; 0 takes any free one."
    )
    api_console: bool = Field(
        default=False,
        description="Serve the console too, at `/console/` of the API's port.",
    )
    console_port: int = Field(
        default=8089,
        ge=0,
        le=65_535,
        description="Port of `tierstream console`; 0 takes any free "
        "one. Its address, tokens and TLS are those of the API.",
    )
    api_token_file: Path | None = Field(
        default=None,
        description="TOML file with the bearer tokens, as hashes; it is read again when it "
        "changes. Unset: anyone on this machine may read, and nobody may erase.",
    )
    api_tls_certfile: Path | None = Field(
        default=None, description="PEM file with the certificate of the API."
    )
    api_tls_keyfile: Path | None = Field(
        default=None, description="PEM file with its key; unset: it is in the same file."
    )
    api_tls_keyfile_password: SecretStr | None = Field(
        default=None, description="Password of the encrypted key file."
    )
    api_allow_plaintext: bool = Field(
        default=False,
        description="Let the API listen beyond loopback without TLS, for example behind a proxy "
        "that has TLS.",
    )
    api_trusted_proxies: Annotated[str, AfterValidator(field_checks.networks)] = Field(
        default="",
        description="Addresses or networks of proxies, separated by commas, whose "
        "`X-Forwarded-For` is trusted as the client's address.",
    )
    api_rate_per_token: int = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="Requests a second that a token may send, with bursts of twice as many; 0 for"
        " no limit.",
    )
    api_rate_per_address: int = Field(
        default=400,
        ge=0,
        le=1_000_000,
        description="The same for an address, whatever tokens it uses.",
    )
    api_max_streams: int = Field(
        default=32,
        ge=1,
        le=1_000,
        description="Streams of changes open at a time; each has its own Kafka consumer.",
    )
    api_explain_timeout: Annotated[AnyDuration, between("1s", "10m")] = Field(
        default=Duration(20_000),
        description="Time after which the API gives up an explanation.",
    )

    @model_validator(mode="after")
    def _check_api(self) -> Self:
        """Beyond this machine the API asks for tokens, and does not let others read them."""
        if not _is_loopback(self.api_host):
            where = f"TIERSTREAM_API_HOST={self.api_host} is not loopback"
            if self.api_token_file is None:
                raise ValueError(f"{where}, so the API needs TIERSTREAM_API_TOKEN_FILE")
            if self.api_tls_certfile is None and not self.api_allow_plaintext:
                raise ValueError(
                    f"{where}, so tokens and profiles would be sent in plain text; set "
                    "TIERSTREAM_API_TLS_CERTFILE, or TIERSTREAM_API_ALLOW_PLAINTEXT=true behind a "
                    "proxy with TLS"
                )
        check_key_pair(self, "api_tls")
        return self


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
