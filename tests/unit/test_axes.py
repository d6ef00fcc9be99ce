"""What a profile is counted under, and what it adds to sums."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serving.view.axes import (
    AXES,
    LOW_LIMIT,
    MEASURES,
    amount_band,
    band,
    cells_of,
    sums_of,
)
from serving.view.figures_reader import amount_text
from serving.view.profile_record import read_profile
from tests.support.profiles import profile


def data(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(profile("ana", **changes))["data"]
    return found


def sums(**changes: Any) -> dict[str, int]:
    return dict(zip(MEASURES, sums_of(data(**changes)), strict=True))


@pytest.mark.parametrize(
    ("amount", "ten_thousandths"),
    [
        ("12.50", 125_000),
        ("0.0005", 5),
        ("7", 70_000),
        ("-3.10", -31_000),
        ("99999999999999.9999", 10**18 - 1),
        ("100000000000000", 0),
        ("1.00000", 0),
        ("ten", 0),
        (12.5, 0),
        (None, 0),
    ],
)
def test_amounts_are_summed_in_two_parts(amount: object, ten_thousandths: int) -> None:
    found = sums(monetary=amount, spend_ever=amount)
    for name in ("spend", "spend_ever"):
        assert 0 <= found[f"{name}_low"] < LOW_LIMIT
        assert found[f"{name}_high"] * LOW_LIMIT + found[f"{name}_low"] == ten_thousandths


def test_what_is_no_number_in_range_adds_nothing() -> None:
    found = sums(frequency=True, orders_ever=-1, points={"balance": 10**13})
    assert (found["orders"], found["orders_ever"], found["points"]) == (0, 0, 0)
    assert sums(points={"balance": -5})["points"] == -5
    assert sums(points=[])["points"] == 0


def test_cells_leave_out_what_is_none_of_an_axis() -> None:
    strange = {"gender": "", "region": "x" * 65, "city_tier": "a\nb", "occupation": 7}
    found = set(
        cells_of(
            data(
                attributes=strange,
                channel_consent={"sms": True, "email": False, "": True},
                marketing_consent="yes",
                score=101,
                health=[],
                satisfaction={"csat_last": True, "nps_last": 11},
                first_order_at="soon",
                as_of=None,
                last_order_at=None,
                monetary="much",
            )
        )
    )
    assert found == {
        ("consented_channel", "sms"),
        ("known", "2"),
        ("known", "3"),
        ("known", "4"),
        ("known_count", "3"),
        ("orders", "1"),
        ("orders_ever", "1"),
    }


def test_no_stored_part_is_longer_than_redis_packs_and_none_ends_in_a_character() -> None:
    attributes = {"gender": "高" * 21, "region": "😀" * 16, "occupation": "a" + "é" * 31}
    found = read_profile(b"ana", profile("ana", attributes=attributes), 0, 0).profile
    assert found is not None
    fields = dict(zip(found.fields[::2], found.fields[1::2], strict=True))
    parts = [fields[f"cells:{number}"] for number in range(5)]
    assert "".join(parts) + fields.get("cells:5", "") == found.cells
    assert all(len(part.encode()) <= 64 for part in fields.values() if part != found.data)


def test_letters_of_axes_are_not_those_of_facets_and_tags() -> None:
    letters = list(AXES.values())
    assert len(set(letters)) == len(letters)
    assert all(len(letter) == 1 and letter.islower() and letter != "t" for letter in letters)


def test_bands_of_orders_and_amounts() -> None:
    assert [band(count) for count in (0, 4, 5, 9, 10, 19, 20, 49, 50, 10**9)] == [
        *("0", "4", "5-9", "5-9", "10-19", "10-19", "20-49", "20-49", "50+", "50+")
    ]
    assert [amount_band(amount) for amount in (-3, 0, 1, 2, 4, 5, 9, 10, 49, 50, 199, 999)] == [
        *(0, 0, 1, 2, 2, 5, 5, 10, 20, 50, 100, 500)
    ]


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (0, 2, "0.00"),
        (125_000, 2, "12.50"),
        (125_050, 2, "12.505"),
        (-31_000, 2, "-3.10"),
        (70_000, 0, "7"),
        (70_001, 0, "7.0001"),
        (5, 4, "0.0005"),
    ],
)
def test_amounts_have_the_decimals_of_the_currency(amount: int, decimals: int, text: str) -> None:
    assert amount_text(amount, decimals) == text
