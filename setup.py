"""Builds the package: plain Python, or with a compiled core if `TIERSTREAM_COMPILE=1` is set.

All else about the package stands in pyproject.toml. The compiled core are the modules of `scoring`
and `handlers`, built by mypyc from the same source. Modules that define msgspec structs stay plain:
msgspec reads the annotations in a class body, which a compiled class does not keep.
"""

from __future__ import annotations

import ast
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED_PACKAGES = ("scoring", "handlers")
_PLAIN = ("handlers/explain", "scoring/crossed.py")
"""What runs only when somebody asks; and what msgspec reads, though it is no struct."""
_GROUPS = 4
"""Libraries that are compiled at the same time; calls within one are the fastest."""
_BUILDING = {"bdist_wheel", "build", "build_ext"}
"""What needs the compiled modules; metadata does not."""
_LOCKED = Path("requirements/build-compiled.in")


class BuildExtensions(build_ext):
    """Leaves no compiled module of an earlier build beside a module that is plain now."""

    def run(self) -> None:
        """Build, then remove the extension modules that are not of this build."""
        super().run()
        made = {Path(file).resolve() for file in self.get_outputs()}
        for file in Path(self.build_lib).rglob("*.so"):
            if file.resolve() not in made:
                file.unlink()


def compiled_modules() -> list[str]:
    """The files to compile: all of the compiled packages but those that define structs."""
    files = [file for package in COMPILED_PACKAGES for file in sorted(Path(package).rglob("*.py"))]
    bases = {file: _bases(file) for file in files}
    structs, known = {"Struct"}, 0
    while len(structs) > known:
        known = len(structs)
        for of_classes in bases.values():
            structs |= {name for name, those in of_classes.items() if structs & those}
    return [
        str(file)
        for file in files
        if structs.isdisjoint(bases[file]) and not str(file).startswith(_PLAIN)
    ]


def _groups(files: list[str]) -> list[tuple[list[str], str]]:
    """The files in groups of about the same size, in their order, each with its name."""
    sizes = [Path(file).stat().st_size for file in files]
    whole, behind = sum(sizes), 0
    groups: list[tuple[list[str], str]] = [([], f"tierstream_{n}") for n in range(_GROUPS)]
    for file, size in zip(files, sizes, strict=True):
        groups[behind * _GROUPS // whole][0].append(file)
        behind += size
    return groups


def _bases(file: Path) -> dict[str, set[str]]:
    """The classes of a module, each with the names of its bases."""
    return {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }


def compiled_extensions() -> list[Extension]:
    """The extension modules, their C written to `build/`.

    Raises:
        SystemExit: there is no C compiler, or the headers of Python are missing.
    """
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    missing = None
    if shutil.which(compiler) is None:
        missing = f"no `{compiler}` on the PATH"
    elif not Path(sysconfig.get_path("include"), "Python.h").is_file():
        missing = f"no Python.h in {sysconfig.get_path('include')}"
    if missing is not None:
        sys.exit(
            "TIERSTREAM_COMPILE=1 needs a C compiler and the headers of Python, and there is "
            f"{missing}. On Debian: apt-get install gcc libc6-dev python3-dev. Without "
            "TIERSTREAM_COMPILE a plain Python package is built."
        )
    from mypyc.build import mypycify

    files = compiled_modules()
    return mypycify(files, opt_level="1", debug_level="0", separate=_groups(files))


if os.environ.get("TIERSTREAM_COMPILE") != "1":
    setup()
else:
    setup(
        cmdclass={"build_ext": BuildExtensions},
        ext_modules=compiled_extensions() if _BUILDING.intersection(sys.argv) else [],
        # Of a build in an environment of its own; one that has them all uses --no-build-isolation.
        setup_requires=_LOCKED.read_text(encoding="utf-8").split(),
    )
