from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.builders import alert
from tierstream_client import MemoryFile, MemoryUnusable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.sqlite"


def test_only_what_is_greater_than_the_last_sequence_is_news(path: Path) -> None:
    with MemoryFile(path) as memory:
        assert memory.is_news(alert(sequence=3))
        memory.note_done(alert(sequence=3))
        assert [memory.is_news(alert(sequence=n)) for n in (2, 3, 4)] == [False, False, True]
        assert memory.is_news(alert("ben", 1))
        assert memory.is_news(alert(sequence=3, topic="tier-changes"))


def test_it_is_remembered_over_a_restart(path: Path) -> None:
    with MemoryFile(path) as memory:
        memory.note_done(alert(sequence=3, offset=41))
        memory.note_position("tier-changes", 2, 7)
    with MemoryFile(path) as memory:
        assert not memory.is_news(alert(sequence=3))
        assert memory.next_offset("dormancy-alerts", 0) == 42
        assert memory.next_offset("tier-changes", 2) == 7
        assert memory.next_offset("tier-changes", 0) is None


def test_positions_and_sequences_never_go_back(path: Path) -> None:
    with MemoryFile(path) as memory:
        memory.note_done(alert(sequence=3, offset=41))
        memory.note_done(alert(sequence=2, offset=7))
        assert memory.next_offset("dormancy-alerts", 0) == 42
        assert not memory.is_news(alert(sequence=3))


def test_a_second_process_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tierstream_client.memory._BUSY_TIMEOUT_S", 0.05)
    with MemoryFile(path) as memory:
        memory.note_done(alert())
        with pytest.raises(MemoryUnusable, match="locked"):
            MemoryFile(path)


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(MemoryUnusable, match="cannot be used"):
        MemoryFile(path)
