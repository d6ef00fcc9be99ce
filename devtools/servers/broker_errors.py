"""What can go wrong with a server of our own on this machine."""

from __future__ import annotations


class LocalServerError(RuntimeError):
    """A server that this process wanted to run here does not run."""


class BrokerUnavailable(LocalServerError):
    """This machine lacks what the broker needs (Java, Maven, a wheel, the way to fetch jars)."""


class RedisUnavailable(LocalServerError):
    """Neither REDIS_URL nor a redis-server program was found."""


class ServerFailed(LocalServerError):
    """A server was started but ended, or did not answer before its deadline."""
