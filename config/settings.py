"""The settings of a deployment, read once from the environment.

They are declared by section: `settings_results`, `settings_kafka`, `settings_redis`,
`settings_http`, `settings_process`. Each section checks its own fields, also against each other:
above all, no credentials over an unencrypted connection. `docs/operations.md` lists all settings.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from config.settings_http import HttpSettings
from config.settings_kafka import KafkaSettings
from config.settings_process import ProcessSettings
from config.settings_redis import RedisSettings
from config.settings_results import ResultSettings
from config.settings_section import ENV_PREFIX

_UNPREFIXED = {"kafka_bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS", "redis_url": "REDIS_URL"}
_SHOWN_VALUE_MAX_CHARS = 80


# pydantic takes the fields of the last base first.
class Settings(ProcessSettings, HttpSettings, RedisSettings, KafkaSettings, ResultSettings):
    """Every setting, checked. Variables are ``TIERSTREAM_`` and the name in capitals.

    ``KAFKA_BOOTSTRAP_SERVERS`` and ``REDIS_URL`` are also read without the prefix; the prefixed
    form wins. An empty variable counts as unset.
    """


class SettingsError(ValueError):
    """A setting is wrong; the message is one sentence that names the variable and the reason."""


def load_settings() -> Settings:
    """The settings of this process's environment.

    Raises:
        SettingsError: a variable is wrong, or two contradict each other.
    """
    given: dict[str, Any] = {
        name: os.environ[plain]
        for name, plain in _UNPREFIXED.items()
        if os.environ.get(plain) and not os.environ.get(_prefixed(name))
    }
    try:
        return Settings(**given)
    except ValidationError as error:
        reasons = [_reason(dict(detail), set(given)) for detail in error.errors(include_url=False)]
    # Raised outside of the except clause: the original error carries the values, secrets too.
    raise SettingsError("; ".join(reasons))


def variable_names(name: str) -> tuple[str, ...]:
    """The environment variables that set the field ``name``; the first that is set counts."""
    plain = _UNPREFIXED.get(name)
    return (_prefixed(name), plain) if plain else (_prefixed(name),)


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that begin like ours but are no setting, each with the setting probably meant.

    They are not refused: Kubernetes, for one, adds ``TIERSTREAM_..._SERVICE_HOST`` by itself.
    """
    known = [variable_names(name)[0] for name in Settings.model_fields]
    unknown = sorted(name for name in environ if name.startswith(ENV_PREFIX) and name not in known)
    return {
        name: next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.8)), None)
        for name in unknown
    }


def _prefixed(name: str) -> str:
    return ENV_PREFIX + name.upper()


def _reason(detail: dict[str, Any], unprefixed: set[str]) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if not detail["loc"]:  # a check of several settings names them itself
        return message
    name = str(detail["loc"][0]).lower().removeprefix(ENV_PREFIX.lower())
    variable = variable_names(name)[-1 if name in unprefixed else 0]
    field = Settings.model_fields.get(name)
    readable = field is not None and field.repr and "password" not in name
    value = f"={str(detail['input'])[:_SHOWN_VALUE_MAX_CHARS]}" if readable else ""
    return f"{variable}{value}: {message[:1].lower()}{message[1:]}"
