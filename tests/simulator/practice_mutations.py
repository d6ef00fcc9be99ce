"""What a restore must give back of grades by hand, contact, service levels and retention."""

from __future__ import annotations

import handlers.partition_core
import handlers.state.store
from tests.simulator.mutation import Edit, Mutation

_RESTORED = "return _decoder.decode(without_number(_NAME, packed))"


def _at_a_restore(safeguard: str, killed_by: int, *steps: str) -> Mutation:
    """A state that is read back without something; `steps` are lines about the customer `found`."""
    lines = "".join(f"\n    {step}" for step in steps)
    new = f"{_RESTORED.replace('return', 'found =')}{lines}\n    return found"
    return Mutation(safeguard, killed_by, (Edit(handlers.state.store, "unpack", _RESTORED, new),))


OF_PRACTICE = (
    _at_a_restore("messages that count for caps after a restart", 5_066, "found.messages = []"),
    _at_a_restore(
        "messages that count once after a restart",
        5_066,
        "found.messages = [(day, 2 * number) for day, number in found.messages]",
    ),
    _at_a_restore(
        "an owner that is known after a restart",
        5_066,
        "found.attributes.pop('manager', None)",
    ),
    _at_a_restore(
        "the stages of tickets that were told of before a restart",
        5_084,
        "for ticket in found.tickets:",
        "    if ticket.promise is not None and ticket.promise.resolution is not None:",
        "        ticket.promise.resolution.told_ms = 0",
    ),
    _at_a_restore(
        "the end of the first stage before a restart",
        5_014,
        "for ticket in found.tickets:",
        "    if ticket.promise is not None:",
        "        ticket.promise.answered_ms = 0",
    ),
    _at_a_restore(
        "a visit that was told of before a restart",
        5_033,
        "if found.visits is not None:",
        "    found.visits.is_told = False",
    ),
    _at_a_restore(
        "the last contact made before a restart",
        5_047,
        "if found.visits is not None:",
        "    found.visits.contact_ms = None",
    ),
    _at_a_restore(
        "a tier by hand that waits for approval through a restart",
        5_084,
        "found.pending_override = None",
    ),
    _at_a_restore("answers that grade after a restart", 5_085, "found.csat = []"),
    _at_a_restore("a purpose that was refused before a restart", 5_014, "found.purposes.clear()"),
    _at_a_restore(
        "a notice of retention that runs through a restart",
        5_093,
        "if found.retention is not None:",
        "    found.retention.withdraw()",
    ),
    _at_a_restore(
        "the last sign of a customer before a restart",
        5_033,
        "if found.retention is not None:",
        "    found.retention.since_ms = found.newest_ms",
    ),
    _at_a_restore(
        "the marker of retention by which a customer may come back",
        5_588,
        "found.retired_ms = None",
    ),
    Mutation(
        "sequences that rise through an erasure by retention",
        killed_by=5_055,
        edits=(
            Edit(
                handlers.partition_core,
                "retired_customer",
                "found.sequence, found.retired_ms = customer.sequence, at_ms",
                "found.retired_ms = at_ms",
            ),
        ),
    ),
)
