"""Check 3: what a consumer keeps is what the oracle makes of the log, and repetitions are exact."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fault.evidence import OUTPUT_TOPICS, RawRecord
from tests.fault.judge.case import Case
from tests.fault.judge.wire import partition_of

_TOPIC_OF = {
    "tier.changed": "tier-changes",
    "dormancy.alert": "dormancy-alerts",
    "dormancy.withdrawn": "dormancy-alerts",
    "customer.reactivated": "dormancy-alerts",
    "customer.returned": "dormancy-alerts",
    "birthday.upcoming": "care-reminders",
    "anniversary.upcoming": "care-reminders",
    "holiday.upcoming": "care-reminders",
    "checkin.due": "care-reminders",
    "profile.refresh_due": "care-reminders",
    "tier.expiring": "care-reminders",
    "points.expiring": "care-reminders",
    "survey.due": "care-reminders",
    "followup.due": "care-reminders",
    "visit.due": "care-reminders",
    "retention.due": "care-reminders",
    "ticket.overdue": "care-reminders",
    "points.changed": "profile-changes",
    "points.refused": "profile-changes",
    "tags.changed": "profile-changes",
    "attributes.refused": "profile-changes",
    "owner.changed": "profile-changes",
}


@dataclass(frozen=True)
class Output:
    """A record of an output topic, read."""

    topic: str
    partition: int
    record: RawRecord
    envelope: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """What it says."""
        data: dict[str, Any] = self.envelope["data"]
        return data

    @property
    def sequence(self) -> int:
        """Its number among the customer's outputs."""
        return int(self.data["sequence"])

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.record.offset}"


@dataclass
class Outputs:
    """All outputs.

    Attributes:
        unreadable: sentences about records that are none.
        raw: how many records there are.
        kept: what a consumer keeps, by topic and customer.
        first: the first record with each sequence, by customer.
        problems: what is wrong with repetitions, ids and order.
    """

    raw: int = 0
    unreadable: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    kept: dict[tuple[str, str], list[Output]] = field(default_factory=dict)
    first: dict[str, dict[int, Output]] = field(default_factory=dict)


def read_outputs(case: Case) -> Outputs:
    """Read all output topics as a consumer does, and note where it would be misled."""
    found = Outputs()
    ids: dict[str, Output] = {}
    for topic in OUTPUT_TOPICS:
        for partition, record in case.records(topic):
            found.raw += 1
            output = _read(topic, partition, record)
            if isinstance(output, str):
                found.unreadable.append(output)
                continue
            found.problems += _envelope_problems(case, output)
            _consume(found, output)
            known = ids.setdefault(output.envelope["id"], output)
            if (known.data["customer_id"], known.sequence) != (
                output.data["customer_id"],
                output.sequence,
            ):
                found.problems.append(f"{output} has the id of {known}, which is another output")
    return found


def _read(topic: str, partition: int, record: RawRecord) -> Output | str:
    place = f"{topic}/{partition}/{record.offset}"
    try:
        envelope = json.loads(record.value or b"")
        output = Output(topic, partition, record, envelope)
        if not isinstance(envelope["id"], str) or not isinstance(output.data["customer_id"], str):
            return f"{place} is no output: its ids are no texts"
        if output.sequence < 1:
            return f"{place} is no output: its sequence is {output.sequence}"
    except (ValueError, KeyError, TypeError) as error:
        return f"{place} is no output: {type(error).__name__} {error}"
    return output


def _envelope_problems(case: Case, output: Output) -> Iterator[str]:
    envelope, data = output.envelope, output.data
    customer = data["customer_id"].encode()
    if output.record.key != customer or envelope.get("subject") != data["customer_id"]:
        yield f"{output} has the key {output.record.key!r}, but is about {data['customer_id']}"
    if output.partition != partition_of(customer, case.evidence.partitions):
        yield f"{output} is in the wrong partition for {data['customer_id']}"
    expected = {
        "specversion": "1.0",
        "source": f"tierstream/{case.evidence.app_id}",
        "time": data.get("effective_at"),
        "datacontenttype": "application/json",
    }
    for name, value in expected.items():
        if envelope.get(name) != value:
            yield f"{output} has {envelope.get(name)!r} as its {name}, expected {value!r}"
    if _TOPIC_OF.get(str(envelope.get("type"))) != output.topic:
        yield f"{output} has the type {envelope.get('type')!r}, which is not for that topic"


def _consume(found: Outputs, output: Output) -> None:
    """The consumer's rule: drop what is not greater than the last of the customer and topic."""
    customer = output.data["customer_id"]
    known = found.first.setdefault(customer, {})
    first = known.setdefault(output.sequence, output)
    if first is not output:
        if (first.topic, first.record.key, first.record.value, first.record.headers) != (
            output.topic,
            output.record.key,
            output.record.value,
            output.record.headers,
        ):
            found.problems.append(f"{output} repeats {first} of {customer} with other bytes")
        return
    kept = found.kept.setdefault((output.topic, customer), [])
    if kept and kept[-1].sequence > output.sequence:
        found.problems.append(
            f"{output} of {customer} has sequence {output.sequence} after {kept[-1]} had "
            f"{kept[-1].sequence}: a consumer loses it"
        )
        return
    kept.append(output)


def check_outputs(case: Case, outputs: Outputs) -> Iterator[str]:
    """All that is wrong with the outputs."""
    yield from outputs.unreadable
    yield from outputs.problems
    for customer, by_sequence in outputs.first.items():
        missing = set(range(1, max(by_sequence) + 1)) - by_sequence.keys()
        if missing:
            yield f"the outputs of {customer} lack sequence {min(missing)}"
    yield from _check_truth(case, outputs)


def _check_truth(case: Case, outputs: Outputs) -> Iterator[str]:
    """What a consumer keeps, against the oracle; what came after the last checkpoint may lack."""
    expected: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    required: set[tuple[str, str, int]] = set()
    for partition, story in case.stories.items():
        applied = case.applied(partition)
        for told in story.told:
            output = told.output
            where = _TOPIC_OF[output["type"]], output["customer_id"]
            expected.setdefault(where, {})[output["sequence"]] = output
            if told.offset <= applied:
                required.add((*where, output["sequence"]))
    for topic, customer in sorted(expected.keys() | outputs.kept.keys()):
        kept = {each.sequence: each for each in outputs.kept.get((topic, customer), [])}
        truth = expected.get((topic, customer), {})
        for sequence in sorted(kept.keys() | truth.keys()):
            found, should = kept.get(sequence), truth.get(sequence)
            if should is None:
                yield (
                    f"{found} of {customer} has sequence {sequence}, where the oracle puts "
                    "nothing out"
                )
            elif found is None:
                if (topic, customer, sequence) in required:
                    yield (
                        f"{topic} lacks {should['type']} of {customer} with sequence {sequence}, "
                        f"due at {should['effective_at']}"
                    )
            else:
                yield from _differences(outputs, found, should)


def _differences(outputs: Outputs, found: Output, should: dict[str, Any]) -> Iterator[str]:
    said = {"type": found.envelope["type"], **found.data}
    if isinstance(said.get("withdraws"), list):
        known = outputs.first[found.data["customer_id"]].values()
        sequences = {each.envelope["id"]: each.sequence for each in known}
        said["withdraws"] = sorted(sequences.get(one, 0) for one in said["withdraws"])
    if said["type"] == should["type"] == "attributes.refused":
        # Which ones, not why: that is for people to read.
        should = {**should, "refused": sorted(should["refused"])}
        said["refused"] = sorted(said["refused"])
    for name in sorted(said.keys() | should.keys()):
        if said.get(name, "absent") != should.get(name, "absent"):
            yield (
                f"{found} of {found.data['customer_id']} says {name} {said.get(name)!r}, "
                f"the oracle says {should.get(name)!r}"
            )
