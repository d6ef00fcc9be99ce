"""What every change of a customer needs: the rules in force, the outbox and the tally."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any, NamedTuple

from handlers.outputs import Change, Head, Output, cloud_event, optional_time, output_id
from handlers.state.customer import Customer
from handlers.state.partition_state import Meta
from handlers.state.tally import Tally
from handlers.suppression import suppressed
from scoring.audience import STAFF, audience_of
from scoring.rules import Rules
from scoring.timestamps import rfc3339


class Cause(NamedTuple):
    """Why a customer is evaluated now."""

    key: str
    """Part of the output ids: differs for each cause."""
    event_ids: tuple[str, ...]
    reason: str
    late: bool = False


class Message(NamedTuple):
    """An output that may be sent to the customer, and is still to be weighed (`handlers.contact`).

    Attributes:
        place: its index in the outbox.
        identity: its id.
        form: what tells outputs of one type apart, as in `dormancy.alert:churned`.
    """

    place: int
    identity: str
    type_name: str
    form: str
    effective_ms: int
    not_before_ms: int | None
    data: Change


class Savepoint(NamedTuple):
    """How much a context held at one moment."""

    outputs: int = 0
    counted: int = 0
    unmatched: int = 0
    due: int = 0


class Context:
    """The rules in force, the outbox and the tally of one partition.

    Attributes:
        counted: what `count` added to the tally since the record began, so that it can be taken
            back.
        messages: what is in the outbox, and still to be weighed against the caps of the policy.
        is_rollout: what goes out now follows from a policy that was published quietly.
    """

    __slots__ = (
        "_meta",
        "counted",
        "is_rollout",
        "messages",
        "outbox",
        "rules",
        "source",
        "tally",
    )

    def __init__(self, source: str, rules: Rules, meta: Meta) -> None:
        self._meta = meta
        self.source = source
        self.rules = rules
        self.outbox: list[Output] = []
        self.messages: list[Message] = []
        self.tally = Tally()
        self.counted: list[tuple[Counter[Any], Hashable, int]] = []
        self.is_rollout = False

    @property
    def clock_ms(self) -> int:
        """The clock of the partition."""
        return self._meta.clock_ms

    @property
    def live_from_ms(self) -> int | None:
        """What takes effect before it is history; None if nothing is."""
        return self._meta.live_from_ms

    def count(self, counter: Counter[Any], key: Hashable, number: int = 1) -> None:
        """Add to a counter of the tally what is taken back if the record raises."""
        counter[key] += number
        self.counted.append((counter, key, number))

    def savepoint(self) -> Savepoint:
        """What `roll_back` goes back to."""
        tally = self.tally
        return Savepoint(len(self.outbox), len(self.counted), tally.unmatched, tally.due)

    def roll_back(self, point: Savepoint) -> None:
        """Drop the outputs and counts since a savepoint of the same record."""
        del self.outbox[point.outputs :]
        self.messages.clear()
        for counter, key, number in self.counted[point.counted :]:
            counter[key] -= number
            if not counter[key]:
                del counter[key]
        del self.counted[point.counted :]
        self.tally.unmatched, self.tally.due = point.unmatched, point.due

    def head(
        self,
        customer: Customer,
        effective_ms: int,
        reason: str,
        type_name: str | None = None,
        form: str = "",
    ) -> Head:
        """The common fields of the customer's next output; call it once for each.

        Args:
            customer: as of after what the output follows from.
            effective_ms: when the output takes effect.
            reason: as in `handlers.causes`.
            type_name: of a tier change, an alert or a reminder; None of what is for nobody.
            form: what tells outputs of the type apart (`scoring.audience.FORMS`).
        """
        rules = self.rules
        audience = None
        if rules.audience is not None and type_name is not None:
            audience = audience_of(rules.audience, type_name, form)
        customer.sequence += 1
        live_from_ms = self._meta.live_from_ms
        is_backfill = live_from_ms is not None and effective_ms < live_from_ms
        against = suppressed(
            rules,
            customer,
            is_backfill=is_backfill,
            is_rollout=self.is_rollout,
            is_for_staff=audience == STAFF,
        )
        if against is not None:
            self.count(self.tally.suppressed, against)
        return Head(
            customer_id=customer.customer_id,
            sequence=customer.sequence,
            effective_at=rfc3339(effective_ms),
            reason=reason,
            suppressed=against,
            backfill=is_backfill,
            policy_version=rules.version,
            marketing_consent=customer.marketing_consent,
            consented_channels=customer.consented_channels,
            audience=audience,
            owner=customer.owner(rules),
            not_before=optional_time(self._not_before_ms(effective_ms)),
        )

    def _not_before_ms(self, effective_ms: int) -> int | None:
        """The end of the quiet hours that an instant lies in; None if it lies in none."""
        contact = self.rules.contact
        if contact is None or contact.quiet is None:
            return None
        return contact.quiet.end(effective_ms)

    def emit(
        self,
        topic: str,
        type_name: str,
        customer: Customer,
        cause_key: str,
        effective_ms: int,
        data: Change,
        form: str = "",
    ) -> str:
        """Put an output into the outbox; returns its id."""
        identity = output_id(customer.customer_id, type_name, cause_key)
        value = cloud_event(
            self.source, identity, type_name, customer.customer_id, rfc3339(effective_ms), data
        )
        self.outbox.append(Output(topic, customer.customer_id, value))
        contact = self.rules.contact
        if contact is not None and contact.caps and _is_message(data):
            not_before_ms, place = self._not_before_ms(effective_ms), len(self.outbox) - 1
            self.messages.append(
                Message(place, identity, type_name, form, effective_ms, not_before_ms, data)
            )
        return identity


def _is_message(data: Change) -> bool:
    """Whether an output asks to send the customer something."""
    return (
        data.suppressed is None
        and data.audience != STAFF
        and getattr(data, "action", None) is not None
    )
