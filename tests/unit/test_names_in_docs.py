"""Paths, modules and names that documents and docstrings put in backticks exist in the source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.documents import INLINE, PAGES, ROOT, fences, prose

FOLDERS = (
    "bench",
    "cli",
    "config",
    "words",
    "devtools",
    "examples",
    "handlers",
    "ops",
    "requirements",
    "scoring",
    "serving",
    "streams",
    "tests",
    "tierstream_client",
)
SOURCE_KINDS = frozenset(
    {".py", ".toml", ".lua", ".yml", ".yaml", ".json", ".jsonl", ".csv", ".service", ".sh", ".xml"}
)

# Names of Kafka, Python and Faust.
FOREIGN = frozenset({"KafkaTimeoutError", "IdempotentWrite", "KeyError", "exactly_once"})

_PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*")
_DOTTED = re.compile(rf"(?:{'|'.join(FOLDERS)})(?:\.\w+)+")
_CLASS = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)+")
_NAME = re.compile(r"(?!tierstream_)[a-z]+(?:_[a-z]+)+")  # metrics: test_operations_page
_MODULE = re.compile(r"python -m ([\w.]+)")
_TARGET = re.compile(r"make ([a-z][a-z-]+)")


def inline_code() -> Iterator[tuple[str, str]]:
    """Each piece of code in a page's prose, beside the page's name."""
    for page in PAGES:
        for code in INLINE.findall(prose(page)):
            yield str(page.relative_to(ROOT)), code


def shell_lines() -> Iterator[tuple[str, str]]:
    """Each line of a page's shell commands, beside the page's name."""
    for page in PAGES:
        for body in fences(page, "sh") + fences(page, "bash"):
            for line in body.splitlines():
                yield str(page.relative_to(ROOT)), line


@cache
def source() -> str:
    """All source text: what a name in the documents may come from."""
    files = [ROOT / "pyproject.toml", ROOT / "docker-compose.yml", ROOT / "Makefile"]
    for folder in FOLDERS:
        files += [p for p in (ROOT / folder).rglob("*") if p.suffix in SOURCE_KINDS]
    me = Path(__file__).resolve()
    return "\n".join(path.read_text("utf-8") for path in sorted(files) if path != me)


@cache
def words() -> frozenset[str]:
    return frozenset(re.findall(r"\w+", source()))


def module_exists(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def test_paths_named_in_documents_exist() -> None:
    wrong = [
        (page, code)
        for page, code in inline_code()
        if _PATH.fullmatch(code) and not (ROOT / code).exists()
    ]
    assert wrong == []


def is_there(dotted: str) -> bool:
    """Whether it is a module, or a module and a name that is in the source."""
    module, _, name = dotted.rpartition(".")
    return module_exists(dotted) or (module_exists(module) and name in words())


def test_modules_and_what_is_in_them_exist() -> None:
    named = ((page, code) for page, code in inline_code() if _DOTTED.fullmatch(code))
    assert [found for found in named if not is_there(found[1])] == []


def test_modules_named_in_docstrings_exist() -> None:
    named = {code for code in INLINE.findall(source()) if _DOTTED.fullmatch(code)}
    assert {code for code in named if not is_there(code)} == set()


def test_modules_that_documents_run_exist() -> None:
    named = [(page, code) for page, code in (*inline_code(), *shell_lines()) if "-m " in code]
    run = [(page, name) for page, code in named for name in _MODULE.findall(code)]
    assert run
    ours = [(page, name) for page, name in run if name.split(".")[0] in FOLDERS]
    assert [found for found in ours if not module_exists(found[1])] == []
    assert {name for _, name in run} - {name for _, name in ours} <= {"venv", "pytest"}


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    code = (*inline_code(), *shell_lines())
    named = {(page, name) for page, line in code for name in _TARGET.findall(line)}
    assert named
    assert {found for found in named if found[1] not in targets} == set()


@pytest.mark.parametrize("form", [_CLASS, _NAME], ids=["classes", "names"])
def test_names_in_documents_are_in_the_source(form: re.Pattern[str]) -> None:
    known = words() | FOREIGN
    wrong = [
        (page, code)
        for page, code in inline_code()
        if form.fullmatch(code) and code not in known and not page.endswith("CHANGELOG.md")
    ]
    assert wrong == []
