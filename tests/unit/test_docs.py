"""What the documents claim is held against the program: links, commands, keys, examples."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from cli.main import app
from config.policy_care import MAX_HOLIDAYS
from config.policy_contact import MAX_CAP_DAYS, MAX_CAPS, MAX_NAMES
from config.policy_grading import MAX_DIMENSIONS
from config.policy_points import MAX_ACTIVITIES
from config.policy_service import MAX_TERMS
from config.policy_tiers import MAX_TIERS
from config.settings import Settings
from config.settings_section import ENV_PREFIX
from handlers.decode.attributes import MAX_ATTRIBUTE_LENGTH, MAX_ATTRIBUTES
from handlers.decode.fields import MAX_CHANNELS, MAX_ID_LENGTH
from handlers.decode.json_object import MAX_NESTING, MAX_RECORD_BYTES
from handlers.events import SCHEMA
from handlers.merge.forwarding import MAX_EVENT_HOPS, MAX_HOPS
from handlers.outputs import FollowupView, PointsView, Profile, PromiseView
from handlers.profile.record import HealthView, SatisfactionView
from handlers.reasons import REASONS
from handlers.state.customer import MAX_ALSO, MAX_SEEN_EVENTS, MAX_TICKETS
from handlers.state.expiring import MAX_FALLS_TOLD
from handlers.state.followup import MAX_FOLLOWUPS
from scoring.bounded.decayed_topk import CAPACITY
from scoring.grading import KEPT_ANSWERS
from scoring.orders.ledger import MAX_LEFT, MAX_WAITING
from scoring.orders.order_limits import MAX_ORDERS
from scoring.orders.refunds import MAX_REFUND_IDS
from scoring.orders.returns import MAX_RETURNS
from scoring.points.redemptions import MAX_LOTS, MAX_REDEMPTIONS
from scoring.policy import Tier
from scoring.satisfaction import MAX_KEPT
from scoring.tags import MAX_COUNTED, MAX_NAME_BYTES, MAX_TAGS
from tests.support import event_table, json_examples
from tests.support.documents import (
    FENCE,
    INLINE,
    PAGES,
    ROOT,
    anchors,
    fences,
    links,
    prose,
    sections,
    table_rows,
)
from tests.support.each import for_each

README, README_ZH = ROOT / "README.md", ROOT / "README.zh-CN.md"
GUIDE, RULES = ROOT / "docs/guide.md", ROOT / "docs/rules.md"

_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*tierstream ([a-z].*)")

every_page = for_each("page", PAGES)


@cache
def find_command(*words: str) -> TyperGroup | TyperCommand | None:
    found: Any = find_command() if words else typer.main.get_command(app)
    for word in words:
        found = found.commands.get(word) if isinstance(found, TyperGroup) else None
    return found if isinstance(found, TyperGroup | TyperCommand) else None


def commands() -> Iterator[str]:
    """Every command that does something, such as `policy check`."""
    root = find_command()
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        if isinstance(command, TyperGroup):
            yield from (f"{name} {inner}" for inner in command.commands)
        else:
            yield name


def all_options(command: TyperGroup | TyperCommand) -> set[str]:
    """Every option of a command, also those that switch another off."""
    return {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


@cache
def known_options() -> frozenset[str]:
    """Every option of every command."""
    found = [find_command(*name.split()) for name in commands()]
    return frozenset(option for command in found if command for option in all_options(command))


def command_lines(page: Path) -> list[list[str]]:
    """The words after `tierstream` of each command that stands in code."""
    code = INLINE.findall(prose(page))
    for body in fences(page, "sh") + fences(page, "bash"):
        code += body.splitlines()
    found = (_COMMAND.fullmatch(line) for line in code)
    return [shlex.split(match[1]) for match in found if match]


@cache
@for_each("page, link", [(page, link) for page in PAGES for link in links(page)])
def test_relative_links_lead_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists(), link
    if anchor:
        assert anchor in anchors(target), link


@for_each("page, words", [(page, words) for page in PAGES for words in command_lines(page)])
def test_commands_named_in_documents_exist_with_their_options(page: Path, words: list[str]) -> None:
    group = find_command(words[0])
    names = words[:2] if isinstance(group, TyperGroup) else words[:1]
    if len(names) == 2 and not names[1].isalpha():
        return  # such as `tierstream policy …`, the group itself
    command = find_command(*names)
    assert command is not None, words
    known = all_options(command) | {"--help"}
    assert {word for word in words if word.startswith("-")} <= known, words


@every_page
def test_options_named_in_prose_belong_to_a_command(page: Path) -> None:
    named = {code.split()[0] for code in INLINE.findall(prose(page)) if code.startswith("--")}
    assert named <= known_options() | {"--help"}


@every_page
def test_settings_named_in_documents_exist(page: Path) -> None:
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | {"TIERSTREAM_COMPILE"}
    named = re.findall(r"\bTIERSTREAM_[A-Z_]+[A-Z]\b(?!_)", page.read_text("utf-8"))
    assert set(named) <= known


@for_each("page", [README, README_ZH])
def test_readme_names_every_command(page: Path) -> None:
    listed = {row[0] for row in table_rows(page.read_text("utf-8"))}
    assert {f"`tierstream {name}`" for name in commands()} <= listed


def test_guide_explains_every_key_of_the_default_policy_with_its_default() -> None:
    policy = tomllib.loads((ROOT / "config/default_policy.toml").read_text("utf-8"))
    explained = sections(GUIDE)
    top = {key: value for key, value in policy.items() if not isinstance(value, dict | list)}
    tables = {"The top of the file": top, "[currency_rates]": {}}
    for name in ("cutoffs", "weights", "movement", "dormancy"):
        tables[f"[{name}]"] = {k: v for k, v in policy[name].items() if not isinstance(v, dict)}
    for name in ("cadence", "actions"):
        tables[f"[dormancy.{name}]"] = policy["dormancy"][name]
    for title, keys in tables.items():
        rows = {row[0].strip("`"): row[1].strip("`") for row in table_rows(explained[title])[2:]}
        assert {key: tomllib.loads(f"x = {text}")["x"] for key, text in rows.items()} == keys


def test_guide_explains_every_key_of_a_tier() -> None:
    rows = table_rows(sections(GUIDE)["[[tiers]]"])
    named = {name for row in rows for name in INLINE.findall(row[0])}
    assert named == set(Tier.__struct_fields__)


def test_guide_names_every_type_of_event() -> None:
    named = set(INLINE.findall(sections(GUIDE)["Events in"]))
    assert set(SCHEMA) <= named


def test_guide_tells_the_common_fields_of_events() -> None:
    rows = table_rows(sections(GUIDE)["Events in"])
    named = {row[0].strip("`") for row in rows if len(row) == 2} - {"field", "---"}
    declared = SCHEMA["customer.erased"]
    assert declared.fields == ()
    assert named == {"type"} | {name for name, _, _ in declared.checks}


def test_guide_has_the_table_of_event_types_as_they_are_declared() -> None:
    found = event_table.in_guide(GUIDE.read_text("utf-8"))
    assert found == event_table.event_table(), "python -m tests.support.event_table writes it anew"


@for_each("page, body", [(page, body) for page in PAGES for body in fences(page, "json")])
def test_json_in_documents_is_json(page: Path, body: str) -> None:
    json.loads(body)


@for_each("page", [README, README_ZH, GUIDE])
def test_json_examples_are_what_the_worked_example_gives(
    page: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    known = json_examples.known_outputs(tmp_path_factory.getbasetemp())
    for line in json_examples.EXAMPLE.read_text("utf-8").splitlines():
        known = [*known, json.loads(line)] if line.startswith("{") else known
    examples = [json.loads(body) for body in fences(page, "json")]
    assert examples
    wrong = [example for example in examples if example not in known]
    assert wrong == [], "python -m tests.support.json_examples writes them anew"


def test_rules_list_every_reason_of_a_dead_letter_in_its_order() -> None:
    rows = table_rows(sections(RULES)["Why a record is a dead letter"])
    assert [row[0].strip("`") for row in rows[2:]] == list(REASONS)


def test_rules_give_the_limits_the_code_has() -> None:
    limits = {row[0]: row[1] for row in table_rows(sections(RULES)["Limits"])[2:]}
    numbers = {
        name: int(re.sub(r"\D.*", "", text.replace(",", ""))) for name, text in limits.items()
    }
    for name in (
        "an amount, and what an order is converted to",
        "a rate of a currency",
        "a rate of points",
        "points by one event, of one activity",
    ):
        del numbers[name]  # powers of ten
    assert numbers == {
        "orders in the window, one by one": MAX_ORDERS,
        "changes waiting for their order": MAX_WAITING,
        "ids of orders out of the window": MAX_LEFT,
        "falls ahead told of": MAX_FALLS_TOLD,
        "ids merged into a customer that `explain` names": MAX_ALSO,
        "ids a merge is forwarded over": MAX_HOPS,
        "ids an event of an old id is forwarded over": MAX_EVENT_HOPS,
        "event ids remembered": MAX_SEEN_EVENTS,
        "refund ids of an order": MAX_REFUND_IDS,
        "returns without an order": MAX_RETURNS,
        "days with points left": MAX_LOTS,
        "redemption ids": MAX_REDEMPTIONS,
        "lots of points that redemptions took, of all redemptions together": MAX_LOTS,
        "activities of a policy": MAX_ACTIVITIES,
        "holidays of a policy, dates of each": MAX_HOLIDAYS,
        "answers of each survey, resolutions": MAX_KEPT,
        "tags of a policy": MAX_TAGS,
        "kinds of events that tags count, days of all their windows together": MAX_COUNTED,
        "categories, channels weighed": CAPACITY,
        "values that make tags": MAX_NAME_BYTES,
        "tickets": MAX_TICKETS,
        "follow-ups": MAX_FOLLOWUPS,
        "channels, purposes with a consent": MAX_CHANNELS,
        "attributes": MAX_ATTRIBUTES,
        "dimensions of a policy, attributes that a tier asks for": MAX_DIMENSIONS,
        "answers that grade": KEPT_ANSWERS,
        "caps of a policy, messages and days of each": MAX_CAPS,
        "types in `priority`, in `exempt`": MAX_NAMES,
        "terms of tickets, steps of each, closed dates, activities of visits": MAX_TERMS,
        "days on which messages are remembered": MAX_CAP_DAYS,
        "a record": MAX_RECORD_BYTES // 1024,
        "ids, names of attributes, channels and purposes": MAX_ID_LENGTH,
        "the value of an attribute": MAX_ATTRIBUTE_LENGTH,
        "tiers of a policy, size of its file": MAX_TIERS,
    }
    assert f"nested {MAX_NESTING} deep" in limits["a record"]


def test_the_profile_page_names_every_field() -> None:
    rows = table_rows((ROOT / "docs/profile.md").read_text("utf-8"))
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    classes = (
        Profile,
        SatisfactionView,
        HealthView,
        PointsView,
        FollowupView,
        PromiseView,
    )
    fields = {name for kind in classes for name in kind.__struct_fields__}
    assert named == fields


def test_requirements_say_of_every_line_whether_it_is_done() -> None:
    rows = table_rows((ROOT / "docs/requirements.md").read_text("utf-8"))
    states = [row[-1] for row in rows if row[0] not in ("asked for", "complaint", "---")]
    assert set(states) == {"done", "part", "open"}


def test_chinese_readme_has_the_sections_code_and_links_of_the_english_one() -> None:
    english, chinese = README.read_text("utf-8"), README_ZH.read_text("utf-8")
    assert len(re.findall(r"^## ", chinese, re.MULTILINE)) == len(
        re.findall(r"^## ", english, re.MULTILINE)
    )
    assert FENCE.findall(chinese) == FENCE.findall(english)
    here = {"README.md", "README.zh-CN.md"}
    shown = {link.replace("-zh.png", ".png") for link in links(README_ZH)}
    assert sorted(shown - here) == sorted(set(links(README)) - here)


def test_index_lists_every_page_of_the_documentation() -> None:
    listed = set(links(ROOT / "docs/README.md"))
    assert {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"} <= listed
