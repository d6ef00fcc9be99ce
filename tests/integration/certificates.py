"""Certificates of an authority that exists for one test run, made with the openssl program."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

KEY_PASSWORD = "of-the-client-key"

_EXTENSIONS = """
[server]
subjectAltName = IP:127.0.0.1, DNS:localhost
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
"""


@dataclass(frozen=True)
class Certificates:
    """PEM files.

    Attributes:
        authority: certificate of the authority that signed the others.
        server: certificate and key of a server at 127.0.0.1, in one file.
        client: certificate of a client.
        client_key: its key, encrypted with `KEY_PASSWORD`.
        stranger: certificate of another authority.
    """

    authority: Path
    server: Path
    client: Path
    client_key: Path
    stranger: Path


def make_certificates(folder: Path) -> Certificates:
    """A new authority with a server and a client; valid for two days."""
    _authority(folder, "authority")
    _authority(folder, "stranger")
    (folder / "extensions").write_text(_EXTENSIONS)
    for name in ("server", "client"):
        _signed(folder, name)
    server = folder / "server-with-key.pem"
    server.write_bytes((folder / "server.key").read_bytes() + (folder / "server.pem").read_bytes())
    _openssl(
        folder,
        *("pkcs8", "-topk8", "-in", "client.key", "-out", "client.enc.key"),
        *("-passout", f"pass:{KEY_PASSWORD}"),
    )
    return Certificates(
        authority=folder / "authority.pem",
        server=server,
        client=folder / "client.pem",
        client_key=folder / "client.enc.key",
        stranger=folder / "stranger.pem",
    )


def _authority(folder: Path, name: str) -> None:
    _openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2", "-subj", f"/CN={name}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
    )


def _signed(folder: Path, name: str) -> None:
    _openssl(
        folder,
        *("req", "-newkey", "rsa:2048", "-noenc", "-subj", f"/CN={name}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
    )
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", "-days", "2"),
        *("-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"),
        *("-extfile", "extensions", "-extensions", name),
    )


def _openssl(folder: Path, *arguments: str) -> None:
    program = shutil.which("openssl")
    assert program is not None, "these tests make certificates with the openssl program"
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)
