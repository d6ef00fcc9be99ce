"""Checks of single settings. Each returns the value or raises ValueError with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from config.durations import Duration
from handlers.state.formats import FIRST, NEWEST
from scoring.timestamps import parse_rfc3339, rfc3339

FIRST_INSTANT_MS = -62_134_992_000_000
"""0001-01-08T00:00:00Z."""

_TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_TOPIC_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,100}", re.ASCII)
_KEY_PREFIX = re.compile(r"[A-Za-z0-9._:{}/-]{1,64}", re.ASCII)
_HASH_TAG = re.compile(r"^[^{]*\{[^}]+\}")
_SERVER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})", re.ASCII)


def topic_name(value: str) -> str:
    """A text that Kafka takes as part of a topic and group name."""
    return _matching(_TOPIC_NAME, value, "takes 1 to 100 letters, digits, dots, dashes")


def topic_prefix(value: str) -> str:
    """As `topic_name`, or nothing."""
    return _matching(_TOPIC_PREFIX, value, "takes up to 100 letters, digits, dots, dashes")


def redis_key_prefix(value: str) -> str:
    """A prefix without characters that mean something in a Redis pattern, with a hash tag.

    A Redis Cluster puts keys with the same text in their first braces into the same slot. A prefix
    without braces gets them: ``shop:`` becomes ``{shop}:``.
    """
    _matching(_KEY_PREFIX, value, "takes 1 to 64 letters, digits or any of . _ : { } / -")
    if _HASH_TAG.search(value):
        return value
    if "{" in value or "}" in value:
        raise ValueError("has braces without a text between them, such as {shop}:")
    name = value.rstrip(":") or value
    return f"{{{name}}}{value[len(name) :]}"


def state_format(value: int) -> int:
    """The number of a format that this release reads and writes."""
    if not FIRST <= value <= NEWEST:
        raise ValueError(f"is no format of this release, which has {FIRST} to {NEWEST}")
    return value


def instant(value: str) -> str:
    """An RFC 3339 time."""
    instant_ms(value)
    return value


def optional_instant(value: str) -> str:
    """An RFC 3339 time, or nothing."""
    return instant(value) if value else value


def first_instant(value: str) -> str:
    """An RFC 3339 time from which on every time zone has business days, and days before them."""
    if instant_ms(value) < FIRST_INSTANT_MS:
        raise ValueError(
            f"must not be before {rfc3339(FIRST_INSTANT_MS)}: a time zone might move an event out "
            "of the years that have dates"
        )
    return value


def instant_ms(value: str) -> int:
    """An RFC 3339 time in milliseconds since 1970."""
    ms = parse_rfc3339(value)
    if ms is None:
        raise ValueError("is no RFC 3339 time with an offset, such as 1990-01-01T00:00:00Z")
    return ms


def bootstrap_servers(value: str) -> str:
    """``host:port`` of at least one broker, separated by commas; spaces are dropped."""
    servers = [server.strip() for server in value.split(",") if server.strip()]
    for server in servers:
        match = _SERVER.fullmatch(server)
        if match is None or not 1 <= int(match["port"]) <= 65_535:
            raise ValueError("is no list of host:port separated by commas")
    if not servers:
        raise ValueError("names no broker")
    return ",".join(servers)


def redis_url(value: str) -> str:
    """A URL of a scheme that the Redis client knows."""
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
    else:
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("must begin with redis://, rediss:// or unix://")
    if not port_is_valid:
        raise ValueError("has no valid port")
    return value


def networks(value: str) -> str:
    """Addresses or networks separated by commas, possibly none; spaces are dropped."""
    found = [network.strip() for network in value.split(",") if network.strip()]
    for network in found:
        try:
            ip_network(network)
        except ValueError:
            raise ValueError("is no list of addresses or networks, such as 10.0.0.0/8") from None
    return ",".join(found)


def duration_between(low: Duration, high: Duration) -> Callable[[Duration], Duration]:
    """A check that a duration lies in a range, both ends included."""

    def check(value: Duration) -> Duration:
        if not low <= value <= high:
            raise ValueError(f"must lie between {low} and {high}")
        return value

    return check


def _matching(pattern: re.Pattern[str], value: str, otherwise: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(otherwise)
    return value


_EXEMPTION = re.compile(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,6})@([0-9]{1,19})", re.ASCII)


class BreakerExemption(NamedTuple):
    """Bad records of a partition before an offset do not count for the breaker."""

    topic: str
    partition: int
    offset: int


def parse_breaker_exemptions(text: str) -> list[BreakerExemption]:
    """Read exemptions such as ``orders/3@120000``, separated by commas; spaces are dropped.

    Raises:
        ValueError: one is written otherwise, or a partition is named twice.
    """
    exemptions = []
    for written in filter(None, (part.strip() for part in text.split(","))):
        match = _EXEMPTION.fullmatch(written)
        if match is None:
            raise ValueError("is no list of topic/partition@offset, such as orders/3@120000")
        exemptions.append(BreakerExemption(match[1], int(match[2]), int(match[3])))
    if len({(one.topic, one.partition) for one in exemptions}) < len(exemptions):
        raise ValueError("names a partition twice")
    return exemptions


def breaker_exemptions(text: str) -> str:
    """The text, if it is one that `parse_breaker_exemptions` reads."""
    parse_breaker_exemptions(text)
    return text
