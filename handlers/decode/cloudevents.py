"""CloudEvents 1.0 as native events: `id`, `type`, `subject` and `time`, and the fields of `data`.

Source: CloudEvents 1.0.2, and its Kafka protocol binding for binary mode. Other attributes of the
envelope belong to its transport and are no part of the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ATTRIBUTES = (
    ("id", "event_id"),
    ("type", "type"),
    ("subject", "customer_id"),
    ("time", "occurred_at"),
)


def from_structured(envelope: dict[str, Any]) -> dict[str, Any]:
    """The native form of an envelope. `data` that is no object gives no fields."""
    data = envelope.get("data")
    native: dict[str, Any] = dict(data) if type(data) is dict else {}
    for attribute, name in _ATTRIBUTES:
        native[name] = envelope.get(attribute)
    _check_version(native, envelope.get("specversion"))
    return native


def has_odd_data(envelope: dict[str, Any]) -> bool:
    """Whether `data` is there, but no object."""
    data = envelope.get("data")
    return data is not None and type(data) is not dict


def from_binary(data: dict[str, Any], headers: Mapping[str, bytes]) -> dict[str, Any]:
    """The native form of a record whose attributes are headers `ce_id`, `ce_type` and so on.

    Raises:
        UnicodeDecodeError: one of those that are used is no UTF-8. To read it all the same could
            make one customer of two.
    """
    native = {name: value for name, value in data.items() if name != "specversion"}
    for attribute, name in _ATTRIBUTES:
        value = headers.get(f"ce_{attribute}")
        native[name] = None if value is None else value.decode()
    _check_version(native, headers["ce_specversion"].decode())
    return native


def _check_version(native: dict[str, Any], specversion: object) -> None:
    if specversion != "1.0":
        # Another envelope version is another schema: let the one check of versions name it.
        native["schema_version"] = 0
