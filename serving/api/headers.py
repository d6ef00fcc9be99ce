"""Headers that every response has."""

from __future__ import annotations

COMMON = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
OVER_TLS = ((b"strict-transport-security", b"max-age=31536000"),)
