"""Settings of the API: beyond this machine, with tokens and TLS."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config.settings import Settings

TOKENS = {"api_token_file": "/tokens.toml"}
TLS = {"api_tls_certfile": "/cert.pem"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_on_loopback_nothing_is_asked_for(host: str) -> None:
    assert Settings(api_host=host).api_host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "api.example", "localhost.example"])
@pytest.mark.parametrize(
    ("others", "lacking"),
    [({}, "API_TOKEN_FILE"), (TLS, "API_TOKEN_FILE"), (TOKENS, "API_TLS_CERTFILE")],
)
def test_beyond_loopback_tokens_and_tls_are_asked_for(
    host: str, others: dict[str, Any], lacking: str
) -> None:
    with pytest.raises(ValidationError, match=f"TIERSTREAM_{lacking}"):
        Settings(api_host=host, **others)
    assert Settings(api_host=host, **TOKENS, **TLS).api_host == host  # type: ignore[arg-type]
    behind_a_proxy = Settings(api_host=host, **TOKENS, api_allow_plaintext=True)  # type: ignore[arg-type]
    assert behind_a_proxy.api_host == host


def test_a_key_without_a_certificate_is_refused() -> None:
    with pytest.raises(ValidationError, match="TIERSTREAM_API_TLS_CERTFILE is not"):
        Settings(api_tls_keyfile="/key.pem")  # type: ignore[arg-type]


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33"])
def test_proxies_are_addresses_or_networks(proxies: str) -> None:
    with pytest.raises(ValidationError, match="no list of addresses or networks"):
        Settings(api_trusted_proxies=proxies)


def test_spaces_between_proxies_are_dropped() -> None:
    settings = Settings(api_trusted_proxies="10.0.0.0/8, 2001:db8::/32,192.0.2.1 ")
    assert settings.api_trusted_proxies == "10.0.0.0/8,2001:db8::/32,192.0.2.1"
