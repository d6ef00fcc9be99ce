"""The hook that checks commit subjects, and that pre-commit installs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOK = "ops/commit_subject.py"


def run_hook(folder: Path, message: str) -> subprocess.CompletedProcess[str]:
    path = folder / "COMMIT_EDITMSG"
    path.write_text(message, "utf-8")
    command = [sys.executable, HOOK, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", "is empty"),
        ("\n# Please enter the commit message for your changes.\n", "is empty"),
        ("A restore reads " + 57 * "x", "has 73 characters, 72 are allowed"),
        ("A restore reads states in bulk.", "ends with a full stop"),
        ("Fix tests", "says too little"),
    ],
)
def test_a_subject_that_does_not_stand_on_its_own_is_refused(
    message: str, reason: str, tmp_path: Path
) -> None:
    ended = run_hook(tmp_path, message)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert reason in ended.stderr


@pytest.mark.parametrize(
    "message",
    [
        "A restore reads states in bulk",
        "A restore reads " + 56 * "x",
        "A restore reads states in bulk\n\nThe body may say more. It may be long.\n",
        "# A comment of git comes first\nA restore reads states in bulk\n",
        "Merge branch 'a-branch-with-a-very-long-name-indeed' into another-with-a-long-name",
        "fixup! Short one",
    ],
)
def test_other_messages_pass(message: str, tmp_path: Path) -> None:
    ended = run_hook(tmp_path, message)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_pre_commit_install_installs_the_hook() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert set(config["default_install_hook_types"]) == {"pre-commit", "commit-msg"}
    hooks = {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
    subject = hooks.pop("commit-subject")
    assert subject["stages"] == ["commit-msg"]
    assert subject["entry"].split()[-1] == HOOK
    assert config["default_stages"] == ["pre-commit"]
    assert not any("stages" in hook for hook in hooks.values())
