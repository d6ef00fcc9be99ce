"""Every format is read as it was written; a newer one is refused, by name."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec.structs import replace

from handlers.control_records import (
    ClockTick,
    PolicyActivated,
    decode_control,
    encode_control,
)
from handlers.merge.forwarding import decode_forwarded
from handlers.state.customer import new_customer, pack, unpack, unpack_head
from handlers.state.format_fields import FormatTooOld, check_fits, fields_at, since
from handlers.state.formats import FIRST, NEWEST, NewerFormat, format_of
from handlers.state.partition_state import Meta, pack_meta, unpack_meta
from handlers.state.restore import Restoration
from scoring.policy import Policy, Tier
from tests.builders import day, order
from tests.driver import Driver

ROOT = Path(__file__).parents[2]
FORMATS = ROOT / "tests" / "formats"
NEWER = NEWEST + 1


def unpack_meta_fields(packed: bytes) -> Any:
    """A partition's own record as plain maps and lists."""
    return msgspec.json.decode(
        msgspec.json.encode(msgspec.msgpack.decode(packed[format_of(packed) > FIRST :]))
    )


def _newer(packed: bytes) -> bytes:
    """A packed record as a newer release would number it."""
    return bytes((NEWER,)) + packed


def _activated(number: int) -> PolicyActivated:
    return PolicyActivated("p", "app", "replay", 0, Policy(), format=number)


# -- numbers


@pytest.mark.parametrize("number", range(FIRST, NEWEST + 1))
def test_a_state_is_read_in_every_format(number: int) -> None:
    customer = new_customer("ana")
    packed = pack(customer, number)
    assert unpack(packed) == customer
    assert unpack_head(packed).applied == customer.applied
    assert format_of(packed) == number


@pytest.mark.parametrize("number", range(FIRST, NEWEST + 1))
def test_a_partitions_record_is_read_in_every_format(number: int) -> None:
    meta = Meta(epoch=7, applied=9, policy=Policy(), format=number, source_offsets={"orders/0": 5})
    assert unpack_meta(pack_meta(meta)) == meta


def test_the_first_format_has_no_number() -> None:
    assert pack(new_customer("ana"), FIRST)[:1] >= b"\x80"
    assert pack_meta(Meta())[:1] >= b"\x80"
    assert encode_control(ClockTick(5)) == b'{"type":"clock.tick","at":5}'
    assert b'"format"' not in encode_control(_activated(FIRST))


def test_every_record_of_a_partition_has_its_format() -> None:
    driver = Driver()
    driver.feed(order("o1", "10", day(0)))
    driver.partition.activate(50, _activated(2))
    driver.feed(order("o2", "10", day(1)))
    meta = driver.partition.meta
    [(_, state)] = driver.partition.store.pack_changed(1, meta.format)
    assert (format_of(state), format_of(pack_meta(meta))) == (2, 2)


@pytest.mark.parametrize("number", range(FIRST, NEWEST))
def test_a_policy_of_an_older_format_has_no_names_that_its_releases_refuse(number: int) -> None:
    frozen = json.loads((FORMATS / f"{number}.fields.json").read_text())
    policy = json.loads(encode_control(_activated(number)))["policy"]
    kept = unpack_meta_fields(pack_meta(Meta(policy=Policy(), format=number)))["policy"]
    assert kept == policy
    assert [*policy] == frozen["Policy"]
    assert {tuple(tier) for tier in policy["tiers"]} == {tuple(frozen["Tier"])}
    for section in ("cutoffs", "weights", "movement", "dormancy"):
        assert [*policy[section]] == frozen[section.capitalize()]


def test_what_an_older_format_cannot_hold_is_not_left_out_of_a_policy() -> None:
    policy = Policy(tiers=(Tier("A", min_orders_ever=1), Tier("B")))
    with pytest.raises(FormatTooOld, match="min_orders_ever"):
        encode_control(replace(_activated(2), policy=policy))


def test_a_format_never_goes_back() -> None:
    driver = Driver()
    driver.partition.activate(50, _activated(2))
    driver.activate(Policy())
    assert driver.partition.meta.format == 2


# -- a newer release


@pytest.mark.parametrize("read", [unpack, unpack_head])
def test_a_state_of_a_newer_format_is_refused(read: object) -> None:
    with pytest.raises(NewerFormat, match=f"has format {NEWER}, and this release reads formats up"):
        read(_newer(pack(new_customer("ana"), FIRST)))  # type: ignore[operator]


def test_a_restore_names_the_state_of_a_newer_format() -> None:
    with pytest.raises(NewerFormat, match=f"the state of 'ana' has format {NEWER}"):
        Restoration().take([("ana", _newer(pack(new_customer("ana"), FIRST)))])


def test_a_partitions_record_of_a_newer_format_is_refused() -> None:
    with pytest.raises(NewerFormat, match=f"own record has format {NEWER}"):
        unpack_meta(_newer(pack_meta(Meta())))


@pytest.mark.parametrize(
    "value",
    [
        b'{"type":"clock.tick","at":5,"format":%d}',
        b'{"type":"clock.tick","since":"a newer shape","format":%d}',
        encode_control(_activated(FIRST))[:-1] + b',"format":%d}',
    ],
)
def test_a_control_record_of_a_newer_format_is_refused(value: bytes) -> None:
    with pytest.raises(NewerFormat, match=f"it has format {NEWER}"):
        decode_control(value % NEWER)


def test_a_forwarded_record_of_a_newer_format_is_refused() -> None:
    with pytest.raises(NewerFormat):
        decode_forwarded(b'{"type":"customer.followed","into":"ben","format":%d}' % NEWER)


def test_text_in_a_changelog_is_no_format() -> None:
    assert [format_of(value) for value in (b"", b"g", b"garbage", b"\x00\x90", b"\x01\x90")] == [
        FIRST
    ] * 5


# -- an older format holds what it can hold


class _Part(msgspec.Struct):
    new: Annotated[int, since(3)] = 0


class _Whole(msgspec.Struct):
    old: int = 5
    parts: list[_Part] = msgspec.field(default_factory=list)
    by_name: dict[str, tuple[_Part | None, int]] = msgspec.field(default_factory=dict)
    newer: Annotated[list[int], since(2)] = msgspec.field(default_factory=list)


@pytest.mark.parametrize(
    ("value", "number", "name"),
    [
        (_Whole(), 1, None),
        (_Whole(old=6, parts=[_Part()]), 1, None),
        (_Whole(newer=[1]), 1, "newer"),
        (_Whole(newer=[1]), 2, None),
        (_Whole(parts=[_Part(), _Part(7)]), 2, "new"),
        (_Whole(by_name={"a": (None, 1), "b": (_Part(7), 1)}), 2, "new"),
        (_Whole(newer=[1], by_name={"b": (_Part(7), 1)}), 3, None),
    ],
)
def test_nothing_is_written_in_a_format_that_cannot_hold_it(
    value: _Whole, number: int, name: str | None
) -> None:
    if name is None:
        check_fits(value, number)
        return
    with pytest.raises(FormatTooOld, match=f"^{name} cannot be kept in format {number}"):
        check_fits(value, number)


def test_a_partitions_record_in_an_older_format_has_no_newer_fields() -> None:
    assert fields_at(_Whole, 1) == ("old", "parts", "by_name")
    assert b"rules" not in pack_meta(Meta())
    with pytest.raises(FormatTooOld):
        pack_meta(Meta(rules=1))


def test_a_policy_record_in_the_first_format_names_no_rules() -> None:
    with pytest.raises(FormatTooOld):
        encode_control(PolicyActivated("p", "app", "replay", 0, Policy(), 1))


def test_the_version_rises_with_the_format() -> None:
    page = (ROOT / "docs" / "formats.md").read_text()
    told = re.findall(r"^\| (\d+) \| (\d+)\.(\d+)\.(\d+) \|$", page, re.MULTILINE)
    assert [int(row[0]) for row in told] == list(range(FIRST, NEWEST + 1))
    versions = [tuple(map(int, row[1:])) for row in told]
    assert versions == sorted(set(versions))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert tuple(map(int, project["version"].split("."))) >= versions[-1]
