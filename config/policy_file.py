"""The policy file: TOML in, a checked `Policy` out, or every problem with its place."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from config.policy_actions import read_actions
from config.policy_care import read_care
from config.policy_contact import read_audience, read_contact
from config.policy_dormancy import read_dormancy
from config.policy_grading import read_dimensions
from config.policy_override import read_override
from config.policy_points import read_points
from config.policy_retention import read_retention
from config.policy_satisfaction import read_health, read_holdout, read_satisfaction
from config.policy_tags import read_tags
from config.policy_tiers import read_cutoffs, read_movement, read_tiers, read_weights
from config.toml_table import TomlTable
from scoring.calendar import load_zone
from scoring.money import (
    CURRENCY_DIGITS,
    MOST_RATE,
    RATE_DIGITS,
    amount_of,
    is_rate,
    minor_units,
)
from scoring.policy import Policy

MAX_POLICY_BYTES = 256 * 1024
_MOST_DAYS = 36_500
_MOST = 10**9


class PolicyError(Exception):
    """A policy that is refused. `problems` are sentences, each with the place and the reason."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = problems
        super().__init__(f"{source}: " + "; ".join(problems))


def load_policy(path: Path | None = None) -> Policy:
    """The policy of a file, or the one that comes with Tierstream.

    Raises:
        PolicyError: the file cannot be read, is no TOML, or says something it must not.
    """
    if path is None:
        return parse_policy(default_policy_text(), "default policy")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PolicyError(str(path), [error.strerror or str(error)]) from error
    if len(raw) > MAX_POLICY_BYTES:
        raise PolicyError(str(path), [f"larger than {MAX_POLICY_BYTES} bytes"])
    try:
        text = raw.decode().removeprefix("\ufeff")
        return parse_policy(text, str(path), version=version_of(raw))
    except UnicodeDecodeError as error:
        raise PolicyError(str(path), ["not UTF-8 text"]) from error


def default_policy_text() -> str:
    """The policy file that comes with Tierstream."""
    return resources.files(__package__).joinpath("default_policy.toml").read_text("utf-8")


def parse_policy(text: str, source: str = "policy", version: str | None = None) -> Policy:
    """A policy from TOML text.

    Args:
        text: the TOML.
        source: names it in an error.
        version: of a policy that names none; without it that of the default policy.

    Raises:
        PolicyError: naming each line or key that is wrong.
    """
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(source, [str(error)]) from error
    except RecursionError as error:
        raise PolicyError(source, ["nested too deep"]) from error
    if version is not None:
        document.setdefault("version", version)
    return check_policy(document, source)


def version_of(content: bytes) -> str:
    """The version of a policy file that names none: `sha256:` and twelve digits of its digest."""
    return f"sha256:{sha256(content).hexdigest()[:12]}"


def check_policy(document: dict[str, Any], source: str = "policy") -> Policy:
    """A policy from a parsed document, checked. Raises PolicyError."""
    problems: list[str] = []
    root = TomlTable(document, "", problems)
    policy = _read(root)
    root.finish()
    if not problems:
        _check_amounts(policy, problems)
    if problems:
        raise PolicyError(source, problems)
    return policy


def _read(root: TomlTable) -> Policy:
    defaults = Policy()
    timezone = root.text("timezone", defaults.timezone)
    try:
        load_zone(timezone)
    except ZoneInfoNotFoundError:
        root.wrong("timezone", f"no time zone {timezone!r}; take a name such as Asia/Shanghai")
    currency = root.text("currency", defaults.currency)
    if currency not in CURRENCY_DIGITS:
        root.wrong("currency", f"{currency!r} is no ISO 4217 currency in use")
    dimensions = read_dimensions(root)
    tiers = read_tiers(root, dimensions)
    satisfaction = read_satisfaction(root)
    window_days = root.integer("window_days", defaults.window_days, 1, _MOST_DAYS)
    return Policy(
        version=root.text("version", defaults.version),
        timezone=timezone,
        currency=currency,
        window_days=window_days,
        count_orders=root.choice("count_orders", defaults.count_orders, ("placed", "paid")),
        loyal_min_orders=root.integer("loyal_min_orders", defaults.loyal_min_orders, 1, _MOST),
        currency_rates=_rates(root.table("currency_rates"), currency),
        cutoffs=read_cutoffs(root.table("cutoffs")),
        weights=read_weights(root.table("weights"), dimensions),
        tiers=tiers,
        movement=read_movement(root.table("movement")),
        dormancy=read_dormancy(root.table("dormancy")),
        satisfaction=satisfaction,
        health=read_health(root, satisfaction),
        holdout=read_holdout(root),
        tags=read_tags(root, window_days, satisfaction),
        points=read_points(root, tiers),
        care=read_care(root, tiers, window_days),
        consent=root.choice("consent", defaults.consent, ("opt_out", "opt_in")),
        amounts=root.choice("amounts", defaults.amounts, ("required", "optional")),
        actions=read_actions(root),
        override=read_override(root),
        retention=read_retention(root),
        dimensions=dimensions,
        audience=read_audience(root),
        contact=read_contact(root),
    )


def _rates(table: TomlTable, base: str) -> dict[str, str]:
    rates = table.decimal_map()
    for currency in rates:
        if currency not in CURRENCY_DIGITS:
            table.wrong(currency, "no ISO 4217 currency in use")
        elif currency == base:
            table.wrong(currency, "is the base currency, it has no rate")
        elif not is_rate(rates[currency]):
            table.wrong(
                currency,
                f"must be at most {MOST_RATE}, and have at most {RATE_DIGITS} significant digits",
            )
    return rates


def _check_amounts(policy: Policy, problems: list[str]) -> None:
    """Amounts must be whole minor units of the base currency."""
    digits = CURRENCY_DIGITS[policy.currency]
    places = [(f"cutoffs.monetary[{n}]", text) for n, text in enumerate(policy.cutoffs.monetary, 1)]
    for n, tier in enumerate(policy.tiers, 1):
        conditions = ("min_monetary", tier.min_monetary), ("min_spend_ever", tier.min_spend_ever)
        places += [(f"tiers[{n}].{key}", text) for key, text in conditions if text is not None]
    places += [
        (f"tags[{n}].amount", rule.amount)
        for n, rule in enumerate(policy.tags or (), 1)
        if rule.amount is not None
    ]
    if policy.points is not None:
        points = policy.points
        places.append(("points.min_amount", points.min_amount))
        places += [("points.per", points.per)] if points.per is not None else []
        places += [(f"points.pers.{tier}", per) for tier, per in points.pers.items()]
    for place, text in places:
        amount = amount_of(text)
        if amount is None or minor_units(amount, digits) is None:
            problems.append(
                f"{place}: {text!r} has more than the {digits} decimals of {policy.currency}, "
                "or is too large"
            )
