"""What older releases wrote is read, kept and gone on with. Their own code made the files here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from handlers.control_records import ClockTick, PolicyActivated, decode_control
from handlers.merge.forwarding import Transfer, decode_forwarded
from handlers.partition import Partition
from handlers.reasons import Rejection
from handlers.state.customer import pack, unpack, unpack_head
from handlers.state.format_fields import fields_at
from handlers.state.formats import FIRST, NEWEST, format_of
from handlers.state.partition_state import pack_meta, unpack_meta
from handlers.state.restore import Restoration
from tests.formats.__main__ import written
from tests.formats.fields import fields_of_all, kept_structs

FOLDER = Path(__file__).parents[1] / "formats"
FILES = sorted(FOLDER.glob("[0-9].json"), key=lambda file: int(file.stem))
NUMBERS = range(FIRST, NEWEST + 1)
MAY_BE_LOST = {("Transfer", "failure"): "the merge's dead letter then says invalid_value"}
"""Fields that a release may pass over, and what becomes of that."""


@pytest.fixture(params=FILES, ids=lambda file: f"format {file.stem}")
def older(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The records of a release."""
    found: dict[str, Any] = json.loads(request.param.read_text())
    return found


def keeps(found: Any, should: Any) -> bool:
    """Whether a value has all that an older release read in it; new fields stand beside or last."""
    if isinstance(should, dict):
        return found.keys() >= should.keys() and all(keeps(found[k], should[k]) for k in should)
    if isinstance(should, list):
        return len(found) >= len(should) and all(map(keeps, found, should))
    return bool(found == should)


def plain(record: Any) -> Any:
    """A record as JSON."""
    return json.loads(msgspec.json.encode(record))


def test_there_is_a_file_for_each_released_format() -> None:
    assert [int(file.stem) for file in FILES] == list(range(FIRST, FIRST + len(FILES)))
    assert len(FILES) in (NEWEST, NEWEST - 1)


def test_states_are_read_as_they_were_written(older: dict[str, Any]) -> None:
    for packed, should in _states(older):
        assert keeps(plain(unpack(packed)), should)
        assert unpack_head(packed).applied == should[1]


@pytest.mark.parametrize("number", NUMBERS)
def test_states_lose_nothing_in_any_format(older: dict[str, Any], number: int) -> None:
    for packed, should in _states(older):
        again = pack(unpack(packed), number)
        assert unpack(again) == unpack(packed)
        assert keeps(plain(unpack(again)), should)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_partitions_record_loses_nothing_in_any_format(
    older: dict[str, Any], number: int
) -> None:
    meta = unpack_meta(bytes.fromhex(older["partition"]["packed"]))
    assert keeps(plain(meta), older["partition"]["is"])
    if number >= meta.format:
        meta.format = number
        assert unpack_meta(pack_meta(meta)) == meta


def test_control_records_are_read(older: dict[str, Any]) -> None:
    activated = decode_control(older["policy.activated"].encode())
    assert isinstance(activated, PolicyActivated)
    assert keeps(plain(activated.policy), json.loads(older["policy.activated"])["policy"])
    assert decode_control(older["clock.tick"].encode()) == ClockTick(1_700_000_000_000)


def test_forwarded_records_are_read(older: dict[str, Any]) -> None:
    transfer = decode_forwarded(older["transfer"]["onward"].encode())
    assert isinstance(transfer, Transfer)
    assert keeps(plain(transfer), json.loads(older["transfer"]["onward"]))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_partition_goes_on_in_its_format(older: dict[str, Any], number: int) -> None:
    def gone_on(number: int) -> tuple[list[bytes | None], Partition]:
        partition = _restored(older, number)
        for offset, line in enumerate(older["next"], partition.meta.applied + 1):
            event = partition.admit(line.encode())
            if not isinstance(event, Rejection):
                partition.apply(offset, event)
        return [output.value for output in partition.context.outbox], partition

    first = format_of(bytes.fromhex(older["partition"]["packed"]))
    if number >= first:
        outputs, partition = gone_on(number)
        assert outputs
        assert outputs == gone_on(first)[0]
        packed = partition.store.pack_changed(5, partition.meta.format)
        assert {format_of(state) for _, state in packed} == {number}


@pytest.mark.parametrize("number", range(FIRST, FIRST + len(FILES)))
def test_a_released_format_keeps_its_fields(number: int) -> None:
    """A new field says since when: `since` in handlers/state/format_fields.py, docs/formats.md."""
    frozen: dict[str, list[str]] = json.loads((FOLDER / f"{number}.fields.json").read_text())
    now = fields_of_all(number)
    assert {name: _never_lost(name, now[name]) for name in frozen} == {
        name: _never_lost(name, fields) for name, fields in frozen.items()
    }


def test_new_fields_of_an_array_come_last() -> None:
    for kind in kept_structs():
        for number in NUMBERS:
            names = fields_at(kind, number)
            if kind.__struct_config__.array_like:
                assert names == kind.__struct_fields__[: len(names)], kind


def test_the_writer_of_these_files_works() -> None:
    assert written().keys() == json.loads(FILES[0].read_text()).keys()


def _never_lost(struct: str, fields: list[str]) -> list[str]:
    return [name for name in fields if (struct, name) not in MAY_BE_LOST]


def _states(older: dict[str, Any]) -> list[tuple[bytes, Any]]:
    held = [*older["customers"].values(), older["transfer"]]
    return [(bytes.fromhex(each["packed"]), each["is"]) for each in held]


def _restored(older: dict[str, Any], number: int) -> Partition:
    """The partition that a worker restores from the records, come to a format since."""
    meta = unpack_meta(bytes.fromhex(older["partition"]["packed"]))
    restoration = Restoration()
    restoration.take(
        (name, bytes.fromhex(each["packed"])) for name, each in older["customers"].items()
    )
    meta.format = number
    return Partition(meta, restoration.finish(meta.applied).store, is_whole=False)
