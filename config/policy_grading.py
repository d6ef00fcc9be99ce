"""Grades beyond orders in a policy: `[[dimensions]]`, and what a tier asks of attributes."""

from __future__ import annotations

from fractions import Fraction

from config.toml_table import TomlTable
from scoring.policy import AttributeCondition, Dimension

MAX_DIMENSIONS = 8
MAX_CONDITIONS = 16
"""Attributes that a tier has conditions on."""
MAX_TEXTS = 64
_LONGEST_NAME = 128
_LONGEST_TEXT = 1024
_SOURCES = ("attribute", "satisfaction")
_OPERATORS = "min, max, in, not_in or present"


def read_dimensions(root: TomlTable) -> tuple[Dimension, ...]:
    """The dimensions of the score beside R, F and M; none without the section."""
    tables = root.tables("dimensions") or []
    if len(tables) > MAX_DIMENSIONS:
        root.wrong("dimensions", f"must be at most {MAX_DIMENSIONS} tables, got {len(tables)}")
        return ()
    found = tuple(_dimension(table) for table in tables)
    names = [dimension.name for dimension in found]
    for table, name in zip(tables, names, strict=True):
        if names.count(name) > 1:
            table.wrong("name", f"{name!r} stands twice")
    return found


def _dimension(table: TomlTable) -> Dimension:
    source = table.choice("source", "attribute", _SOURCES)
    if not table.has("source"):
        table.wrong("source", 'is missing, must be "attribute" or "satisfaction"')
    attribute = table.optional_text("attribute", None)
    by_values = table.has("values")
    cutoffs = table.signed_decimals("cutoffs")
    dimension = Dimension(
        name=table.text("name", "", 64),
        source=source,
        attribute=attribute,
        cutoffs=() if by_values or cutoffs is None else cutoffs,
        values=_values(table.table("values")),
        weight=table.decimal("weight", "1"),
        default=table.integer("default", 1, 1, 5),
    )
    if source == "satisfaction":
        if attribute is not None:
            table.wrong("attribute", "satisfaction is no attribute, leave this key out")
        if by_values:
            table.wrong("values", "satisfaction is a mean, it takes cutoffs instead")
    elif attribute is None:
        table.wrong("attribute", "is missing, must be the name of an attribute")
    if by_values and table.has("cutoffs"):
        table.wrong("cutoffs", "a dimension has either cutoffs or values, not both")
    elif not by_values and not table.has("cutoffs"):
        either = "four ascending decimals" + (", or values" if source == "attribute" else "")
        table.wrong("cutoffs", f"is missing, must be {either}")
    table.finish()
    return dimension


def _values(table: TomlTable) -> dict[str, int]:
    names = table.names()
    if len(names) > MAX_TEXTS:
        table.wrong_whole(f"must have at most {MAX_TEXTS} texts, got {len(names)}")
    return {name: table.integer(name, 1, 1, 5) for name in names}


def read_attribute_conditions(tier: TomlTable) -> dict[str, AttributeCondition]:
    """What a tier asks of attributes, by name."""
    table = tier.table("attributes")
    names = table.names()
    if len(names) > MAX_CONDITIONS:
        tier.wrong("attributes", f"must name at most {MAX_CONDITIONS}, got {len(names)}")
        return {}
    for name in names:
        if not 0 < len(name) <= _LONGEST_NAME:
            table.wrong(name[:32], f"a name has 1 to {_LONGEST_NAME} characters")
    return {name: _condition(table.table(name)) for name in names}


def _condition(table: TomlTable) -> AttributeCondition:
    condition = AttributeCondition(
        min=table.signed_decimal("min"),
        max=table.signed_decimal("max"),
        is_in=_texts(table, "in"),
        not_in=_texts(table, "not_in"),
        present=table.boolean("present", default=False),
    )
    for name in table.unknown():
        table.wrong(name, f"unknown operator, must be {_OPERATORS}")
    if table.has("present") and not condition.present:
        table.wrong("present", "must be true; without the key the attribute may be absent")
    if not table.names():
        table.wrong_whole(f"has no operator, must have {_OPERATORS}")
    low, high = condition.min, condition.max
    if low is not None and high is not None and Fraction(low) > Fraction(high):
        table.wrong("max", f"must not be below min, which is {low}, got {high}")
    return condition


def _texts(table: TomlTable, key: str) -> tuple[str, ...] | None:
    if not table.has(key):
        return None
    texts = table.texts(key, MAX_TEXTS, _LONGEST_TEXT)
    if not texts and table.is_empty_list(key):
        table.wrong(key, "must have at least one text")
    return texts


def read_min_dimensions(tier: TomlTable, dimensions: tuple[Dimension, ...]) -> dict[str, int]:
    """The least digits that a tier asks for, by dimension."""
    table = tier.table("min_dimensions")
    known = [dimension.name for dimension in dimensions]
    for name in table.names():
        if name not in known:
            right = f"must be {' or '.join(known)}" if known else "the policy has no [[dimensions]]"
            table.wrong(name, f"no dimension of this name, {right}")
    return {name: table.integer(name, 1, 1, 5) for name in table.names()}
