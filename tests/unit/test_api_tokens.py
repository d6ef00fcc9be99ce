"""Bearer tokens and the file they are kept in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from serving.api.token_file import TOKENS_MAX, TokenFile, TokenFileError, read_tokens
from serving.api.tokens import Token, checked_scopes, digest_of, find_token, new_token

NOW_MS = 1_800_000_000_000


def token(name: str, secret: str, *scopes: str, expires_ms: int | None = None) -> Token:
    return Token(name, digest_of(secret), frozenset(scopes or ("read",)), expires_ms)


def write(path: Path, *tokens: Token) -> Path:
    """Another file each time, as a change that takes no longer than a tick of the clock is one."""
    beside = path.with_suffix(".new")
    beside.write_text("\n".join(each.toml() for each in tokens))
    beside.replace(path)
    return path


def test_a_token_is_long_and_never_the_same() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) >= 47 and secret.startswith("tst_") for secret in made)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    kept = (
        token("crm", "one", "read", "attributes", expires_ms=NOW_MS),
        token("dpo", "two", "erase"),
    )
    assert read_tokens(write(tmp_path / "tokens.toml", *kept)) == kept


def test_only_the_hash_of_a_token_is_kept() -> None:
    secret = new_token()
    assert secret not in token("crm", secret).toml()


def test_a_token_is_found_by_itself_alone() -> None:
    kept = [token("crm", "one"), token("dpo", "two")]
    assert find_token(kept, "two") is kept[1]
    for stranger in ("", "tw", "twoo", "Two", kept[1].digest, "\udcff", "ü"):
        assert find_token(kept, stranger) is None


@pytest.mark.parametrize(
    ("scopes", "why"), [([], "one or more"), (["write"], "one or more"), (["attributes"], "read")]
)
def test_scopes_that_mean_nothing_are_refused(scopes: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        checked_scopes(scopes)


HASH = digest_of("x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[tokens]]\nname = 1", r"tokens\[1\].name"),
        ("tokens = 1", "tokens: Input should be a valid list"),
        ("token = []", "token: Extra inputs"),
        ("[[tokens]", "Expected"),
        ("\0", "Invalid"),
        (f'[[tokens]]\nname = "a b"\nsha256 = "{HASH}"\nscopes = ["read"]', "a name of a token"),
        ('[[tokens]]\nname = "a"\nsha256 = "tst_x"\nscopes = ["read"]', "sha256: String should"),
        (f'[[tokens]]\nname = "a"\nsha256 = "{HASH}"\nscopes = ["all"]', "scopes are one or more"),
        (
            f'[[tokens]]\nname = "a"\nsha256 = "{HASH}"\nscopes = ["read"]\nexpires = 2026-01-01',
            "expires",
        ),
        (f'[[tokens]]\nname = "a"\nsha256 = "{HASH}"\nscopes = ["read"]\nrole = 1', "role: Extra"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_place(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(text)
    with pytest.raises(TokenFileError, match=why) as refused:
        read_tokens(file)
    assert "tst_x" not in str(refused.value), "it might be a token"
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("raw", [b"\xff", b"#" * (256 * 1024 + 1)])
def test_a_file_of_something_else_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "tokens.toml").write_bytes(raw)
    with pytest.raises(TokenFileError):
        read_tokens(tmp_path / "tokens.toml")


def test_too_many_tokens_are_refused(tmp_path: Path) -> None:
    many = [token(f"t{n}", str(n)) for n in range(TOKENS_MAX + 1)]
    with pytest.raises(TokenFileError, match="at most"):
        read_tokens(write(tmp_path / "tokens.toml", *many))


@pytest.mark.parametrize("second", [token("crm", "two"), token("dpo", "one")])
def test_two_tokens_of_one_name_or_hash_are_refused(tmp_path: Path, second: Token) -> None:
    with pytest.raises(TokenFileError, match="two tokens have the"):
        read_tokens(write(tmp_path / "tokens.toml", token("crm", "one"), second))


def test_a_file_that_is_not_there_cannot_be_begun_with(tmp_path: Path) -> None:
    with pytest.raises(TokenFileError, match="no such file"):
        TokenFile(tmp_path / "tokens.toml")


def test_an_expired_token_is_none(tmp_path: Path) -> None:
    tokens = TokenFile(
        write(tmp_path / "tokens.toml", token("crm", "one", "read", expires_ms=NOW_MS))
    )
    found = tokens.find("one", NOW_MS - 1)
    assert found is not None
    assert tokens.has(found, NOW_MS - 1)
    assert tokens.find("one", NOW_MS) is None
    assert not tokens.has(found, NOW_MS)


def test_a_changed_file_changes_who_may(tmp_path: Path) -> None:
    file = write(tmp_path / "tokens.toml", token("crm", "one"))
    tokens = TokenFile(file)
    first = tokens.find("one", NOW_MS)
    assert first is not None
    write(file, token("crm", "one", "erase"), token("dpo", "two"))
    assert tokens.find("two", NOW_MS) is None, "nobody looked yet"
    tokens.refresh()
    assert tokens.find("two", NOW_MS) is not None
    assert not tokens.has(first, NOW_MS), "it has other rights now"


@pytest.mark.parametrize("spoil", [lambda p: p.unlink(), lambda p: p.write_text("[[")])
def test_a_spoilt_file_changes_nothing_and_is_told_once(tmp_path: Path, spoil: object) -> None:
    file = write(tmp_path / "tokens.toml", token("crm", "one"))
    tokens = TokenFile(file)
    assert callable(spoil)
    spoil(file)
    with capture_logs() as told:
        tokens.refresh()
        tokens.refresh()
    assert [line["log_level"] for line in told] == ["error"]
    assert tokens.find("one", NOW_MS) is not None
    write(file, token("dpo", "two"))
    tokens.refresh()
    assert tokens.find("one", NOW_MS) is None
    assert tokens.find("two", NOW_MS) is not None


def test_a_file_that_did_not_change_is_not_read(tmp_path: Path) -> None:
    file = write(tmp_path / "tokens.toml", token("crm", "one"))
    tokens = TokenFile(file)
    stamp = file.stat()
    with file.open("r+") as opened:
        opened.write("[" * 10)
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with capture_logs() as told:
        tokens.refresh()
    assert told == []
