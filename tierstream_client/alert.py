"""An output of Tierstream, read from its topic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_SEQUENCE_MAX = 2**53


class UnreadableAlert(ValueError):
    """A record is not an output of Tierstream; the message names the record."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One record of `tier-changes`, `dormancy-alerts`, `care-reminders` or `profile-changes`.

    Attributes:
        topic: its topic, with the prefix of the deployment.
        partition: its partition.
        offset: its offset in the partition.
        id: the same in every delivery of the same change; use it as an idempotency key.
        type: for instance `dormancy.alert`.
        time: RFC 3339, when it took effect.
        customer_id: the customer it is about.
        sequence: rises with each output of the customer.
        data: the fields of its type, see the guide.
        value: the record's bytes, a CloudEvent in structured JSON.
    """

    topic: str
    partition: int
    offset: int
    id: str
    type: str
    time: str
    customer_id: str
    sequence: int
    data: dict[str, Any]
    value: bytes

    @property
    def suppressed(self) -> str | None:
        """Why nobody should contact the customer about it; None if there is no reason."""
        reason: str | None = self.data.get("suppressed")
        return reason

    @property
    def backfill(self) -> bool:
        """Whether it took effect before the deployment went live: it is history."""
        return bool(self.data.get("backfill", False))

    @property
    def reason(self) -> str | None:
        """What it follows from, such as `order`; None in records of releases before 0.3.0."""
        reason: str | None = self.data.get("reason")
        return reason

    @property
    def consented_channels(self) -> tuple[str, ...]:
        """The channels that the customer agreed to be contacted by, sorted."""
        return tuple(self.data.get("consented_channels") or ())

    @property
    def audience(self) -> str | None:
        """`customer` or `staff`; None if the policy does not ask for it."""
        audience: str | None = self.data.get("audience")
        return audience

    @property
    def owner(self) -> str | None:
        """The account manager of the customer, if there is one and the policy asks for it."""
        owner: str | None = self.data.get("owner")
        return owner

    @property
    def not_before(self) -> str | None:
        """RFC 3339, the end of the quiet hours it falls in; None if it may be sent at once."""
        not_before: str | None = self.data.get("not_before")
        return not_before


def read_alert(topic: str, partition: int, offset: int, value: bytes | None) -> Alert:
    """Read a record.

    Raises:
        UnreadableAlert: it is not an output of Tierstream.
    """
    try:
        event = json.loads(value or b"")
        data = event["data"]
        customer_id, sequence = data["customer_id"], data["sequence"]
        if not isinstance(customer_id, str) or type(sequence) is not int:
            raise TypeError("customer_id or sequence")
        if not 0 < sequence <= _SEQUENCE_MAX:
            raise ValueError("sequence is out of range")
        customer_id.encode()
        return Alert(
            topic=topic,
            partition=partition,
            offset=offset,
            id=event["id"],
            type=event["type"],
            time=event["time"],
            customer_id=customer_id,
            sequence=sequence,
            data=data,
            value=value or b"",
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableAlert(
            f"{topic}/{partition}@{offset} is no output of Tierstream ({error!r})"
        ) from error
