"""Wrong conditions on attributes and wrong dimensions are refused: place, reason, what is right."""

from __future__ import annotations

import pytest

from config.policy_file import PolicyError, parse_policy
from config.policy_warnings import warnings_of
from tests.builders import START_MS

DIMENSION = '[[dimensions]]\nname = "potential"\nsource = "attribute"\nattribute = "contract"\n'
CUTOFFS = 'cutoffs = ["1", "2", "3", "4"]\n'
OPERATORS = "min, max, in, not_in or present"


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text, "p.toml")
    return refused.value.problems


def tiers(conditions: str, last: str = "") -> str:
    return (
        f'[[tiers]]\nname = "A"\n{conditions}\n[[tiers]]\nname = "B"\nmin_score = 1\n'
        f'[[tiers]]\nname = "C"\n{last}\n'
    )


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("{ minimum = 5 }", f".minimum: unknown operator, must be {OPERATORS}"),
        ("{}", f": has no operator, must have {OPERATORS}"),
        ("5", ": must be a table"),
        ('{ min = "ten" }', ".min: must be a decimal such as \"12.50\", got 'ten'"),
        ("{ max = true }", '.max: must be a decimal such as "12.50", got true'),
        ("{ min = 5, max = 4 }", ".max: must not be below min, which is 5, got 4"),
        ("{ in = [] }", ".in: must have at least one text"),
        ("{ not_in = [1] }", ".not_in: must be a list of up to 64 different texts, got [1]"),
        ('{ in = "A" }', ".in: must be a list of up to 64 different texts, got 'A'"),
        (
            "{ present = false }",
            ".present: must be true; without the key the attribute may be absent",
        ),
    ],
)
def test_a_wrong_condition_is_named(condition: str, problem: str) -> None:
    text = tiers(f"[tiers.attributes]\ncredit = {condition}")
    assert f"tiers[1].attributes.credit{problem}" in problems(text)


def test_the_last_tier_asks_nothing_of_attributes() -> None:
    text = tiers("min_score = 2", "[tiers.attributes]\ncredit = { present = true }")
    assert problems(text) == [
        "tiers[3].name: the last tier must have no condition, it is for everyone"
    ]


def test_a_tier_has_conditions_on_at_most_sixteen_attributes() -> None:
    asked = "\n".join(f"a{number} = {{ present = true }}" for number in range(17))
    text = tiers(f"[tiers.attributes]\n{asked}")
    assert problems(text)[0] == "tiers[1].attributes: must name at most 16, got 17"


def test_a_digit_of_an_unknown_dimension_is_named() -> None:
    text = tiers("min_dimensions = { potentail = 3 }")
    place = "tiers[1].min_dimensions.potentail: no dimension of this name, "
    assert problems(text) == [f"{place}the policy has no [[dimensions]]"]
    assert problems(text + DIMENSION + CUTOFFS) == [f"{place}must be potential"]


def test_the_least_digit_of_a_dimension_is_from_1_to_5() -> None:
    text = tiers("min_dimensions = { potential = 6 }") + DIMENSION + CUTOFFS
    assert problems(text) == [
        "tiers[1].min_dimensions.potential: must be a whole number from 1 to 5, got 6"
    ]


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        (
            'cutoffs = ["1", "3", "2", "4"]',
            "cutoffs: must be four ascending decimals, got ['1', '3', '2', '4']",
        ),
        ("cutoffs = [1, 2, 3]", "cutoffs: must be four ascending decimals, got [1, 2, 3]"),
        ("values = { A = 6 }", "values.A: must be a whole number from 1 to 5, got 6"),
        ("values = { A = 5 }\n" + CUTOFFS, "cutoffs: a dimension has either cutoffs or values"),
        ("", "cutoffs: is missing, must be four ascending decimals, or values"),
        (CUTOFFS + "weight = -1", 'weight: must be a decimal from 0 such as "12.50", got -1'),
        (CUTOFFS + "default = 0", "default: must be a whole number from 1 to 5, got 0"),
        (CUTOFFS + "wieght = 1", "wieght: unknown key, did you mean weight?"),
    ],
)
def test_a_wrong_dimension_is_named(rest: str, problem: str) -> None:
    (found,) = problems(DIMENSION + rest)
    assert found.startswith(f"dimensions[1].{problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'name = "x"\nsource = "orders"\n' + CUTOFFS,
            'source: must be "attribute" or "satisfaction", got \'orders\'',
        ),
        ('name = "x"\n' + CUTOFFS, 'source: is missing, must be "attribute" or "satisfaction"'),
        (
            'name = "x"\nsource = "attribute"\n' + CUTOFFS,
            "attribute: is missing, must be the name of an attribute",
        ),
        (
            'name = "x"\nsource = "satisfaction"\nattribute = "a"\n' + CUTOFFS,
            "attribute: satisfaction is no attribute, leave this key out",
        ),
        (
            'name = "x"\nsource = "satisfaction"\nvalues = { A = 1 }\n',
            "values: satisfaction is a mean, it takes cutoffs instead",
        ),
        (
            'source = "satisfaction"\n' + CUTOFFS,
            "name: must be a text of 1 to 64 characters, got ''",
        ),
    ],
)
def test_a_source_and_a_name_must_be_right(text: str, problem: str) -> None:
    assert f"dimensions[1].{problem}" in problems("[[dimensions]]\n" + text)


def test_at_most_eight_dimensions_each_with_its_own_name() -> None:
    nine = "".join(
        f'[[dimensions]]\nname = "d{number}"\nsource = "satisfaction"\n{CUTOFFS}'
        for number in range(9)
    )
    assert problems(nine) == ["dimensions: must be at most 8 tables, got 9"]
    twice = (DIMENSION + CUTOFFS) * 2
    assert problems(twice) == [
        "dimensions[1].name: 'potential' stands twice",
        "dimensions[2].name: 'potential' stands twice",
    ]


def test_some_weight_must_be_above_zero() -> None:
    none = "[weights]\nrecency = 0\nfrequency = 0\nmonetary = 0\n"
    assert parse_policy(none + DIMENSION + CUTOFFS).dimensions[0].weight == "1"
    assert problems(none + DIMENSION + CUTOFFS + "weight = 0") == [
        "weights.recency: at least one weight must be above 0"
    ]


ONLY_DIMENSION = """
[weights]
recency = 0
frequency = 0
monetary = 0
[[dimensions]]
name = "potential"
source = "attribute"
attribute = "contract_value"
cutoffs = [1, 2, 3, 4]
"""


def warned(first: str, second: str) -> list[str]:
    """The places of the warnings about two tiers and a last one."""
    names = zip("ABC", (first, second, ""), strict=True)
    text = "".join(f'[[tiers]]\nname = "{name}"\n{asks}\n' for name, asks in names)
    found = warnings_of(parse_policy(text + ONLY_DIMENSION), START_MS)
    return [warning.partition(":")[0] for warning in found]


def test_check_counts_what_dimensions_add_to_the_score() -> None:
    assert warned("min_score = 75", "min_score = 25") == []
    assert warned("min_score = 25", "min_score = 75") == ["tiers[2] (B)"]


def test_to_check_a_tier_that_asks_for_more_takes_nobody_for_sure() -> None:
    asks = "[tiers.attributes]\ncredit = { present = true }\n"
    assert warned(f"min_score = 40\n{asks}", "min_score = 70") == []
    assert warned("min_dimensions = { potential = 2 }", "min_score = 1") == []
