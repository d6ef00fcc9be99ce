"""What strangers, the impatient and the hostile get from the API."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from config.settings import Settings
from serving.api import protocol
from serving.api.server import ApiServerError, bind
from tests.harness.api import Api, Rest, TokenBook, View, serving
from tests.harness.view import eventually
from tests.integration.certificates import Certificates, make_certificates


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def changed(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update=changes)


async def raw(api: Api, sent: bytes, within_s: float = 20) -> bytes:
    """All that comes back for some bytes until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    try:
        async with asyncio.timeout(within_s):
            writer.write(sent)
            try:
                return await reader.read()
            except ConnectionResetError:  # closed while we were still sending
                return b""
    finally:
        writer.close()


async def test_every_question_needs_a_token(
    settings: Settings, view: View, book: TokenBook
) -> None:
    await view.put(("ana", {}))
    book.add("crm", "read")
    async with serving(changed(settings, api_token_file=book.path)) as api:
        paths = (await api.http.get("/v1/openapi.json")).json()["paths"]
        asked = [(path, method) for path, methods in paths.items() for method in methods]
        guarded = [(path, method) for path, method in asked if path.startswith("/v1/")]
        assert len(guarded) >= 10
        for path, method in guarded:
            concrete = path.replace("{customer_id}", "ana")
            for headers in ({}, {"Authorization": "Bearer tst_wrong"}):
                answer = await api.http.request(method, concrete, headers=headers)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"].startswith("Bearer realm=")
                assert answer.json()["type"].endswith(":no-token")


async def test_tokens_come_and_go_while_it_runs(
    settings: Settings, view: View, book: TokenBook
) -> None:
    await view.put(("ana", {}))
    async with serving(changed(settings, api_token_file=book.path)) as api:
        secret = book.add("crm", "read")

        async def is_answered(status: int) -> bool:
            headers = {"Authorization": f"Bearer {secret}"}
            answer = await api.http.get("/v1/customers/ana", headers=headers)
            return answer.status_code == status

        await eventually(lambda: is_answered(200))
        book.change("crm", scopes=frozenset(("erase",)))
        await eventually(lambda: is_answered(403))
        book.remove("crm")
        await eventually(lambda: is_answered(401))


async def test_a_token_and_an_address_may_ask_so_often(
    settings: Settings, view: View, book: TokenBook
) -> None:
    await view.put(("ana", {}))
    one, two = book.add("one", "read"), book.add("two", "read")
    slow = changed(settings, api_token_file=book.path, api_rate_per_token=2, api_rate_per_address=6)
    async with serving(slow) as api:

        async def ask(secret: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {secret}"}
            return await api.http.get("/v1/customers/ana", headers=headers)

        answers = [await ask(one) for _ in range(6)]
        assert [answer.status_code for answer in answers][:5] == [200] * 4 + [429]
        assert int(answers[4].headers["retry-after"]) >= 1
        assert answers[4].json()["detail"] == "this token sends too many requests"
        assert (await ask(two)).status_code == 200
        flood = [await ask("wrong") for _ in range(12)]
        assert flood[0].status_code == 401
        assert flood[-1].json()["detail"] == "this address sends too many requests"
        assert (await api.http.get("/livez")).status_code == 200, "probes always are answered"


async def test_an_address_is_believed_from_a_trusted_proxy_alone(
    settings: Settings, view: View
) -> None:
    await view.put(("ana", {}))
    for trusted, status in (("", 429), ("127.0.0.1", 200)):
        slow = changed(settings, api_rate_per_address=1, api_trusted_proxies=trusted)
        async with serving(slow) as api:
            answers = [
                await api.http.get("/v1/customers/ana", headers={"X-Forwarded-For": f"192.0.2.{n}"})
                for n in range(6)
            ]
        assert answers[-1].status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:1234", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:1", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
async def test_without_tokens_a_page_in_a_browser_gets_nothing_by_its_own_name(
    api: Api, view: View, host: str, status: int
) -> None:
    await view.put(("ana", {}))
    answer = await api.http.get("/v1/customers/ana", headers={"Host": host})
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


HEAD = b"GET /v1/customers/ana HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, 400),
        (b"GET\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (HEAD + b"A\0B: c\r\n\r\n", 400),
        (HEAD + b"A: b\r\n" * 10_000, 431),
        (HEAD + b"A: " + b"b" * 100_000, 431),
        (b"GET /" + b"a" * 100_000, 431),
        (HEAD + b"A: " + b"b" * 17_000 + b"\r\nConnection: close\r\n\r\n", 431),
        (
            b"GET /v1/"
            + b"a" * 9_000
            + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            414,
        ),
        (
            b"GET /v1/customers?cursor=" + b"a" * 9_000 + HEAD[21:] + b"Connection: close\r\n\r\n",
            414,
        ),
        (HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1_000, 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 413),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    ],
)
async def test_what_is_no_proper_request_is_refused_and_the_connection_closed(
    api: Api, sent: bytes, status: int
) -> None:
    answer = await raw(api, sent)
    if not answer and status == 431:
        return  # refused while it was still being sent
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert (await api.http.get("/livez")).status_code == 200


async def test_a_head_that_does_not_end_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.5)
    async with serving(settings) as api:
        assert await raw(api, b"") == b""
        assert await raw(api, b"GET / HTT") == b""
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /li")
        async with asyncio.timeout(10):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200"), "one whole request before half a one"
        assert answer.count(b"HTTP/1.1") == 1
        writer.close()


@pytest.mark.parametrize("crumbs", [b"\r\n", b"\n"])
async def test_crumbs_between_requests_do_not_keep_a_connection(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, crumbs: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.5)
    async with serving(settings) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"}}")
        writer.write(crumbs)
        async with asyncio.timeout(10):
            assert await reader.read() == b"", "closed"
        writer.close()


async def test_one_connection_too_many_is_told_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(settings) as api:
        monkeypatch.setattr(protocol, "CONNECTIONS_MAX", 5)
        held = [await asyncio.open_connection("127.0.0.1", api.port) for _ in range(8)]
        refused = await raw(api, b"")
        assert refused.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1" in refused
        for _, writer in held:
            writer.close()

        async def is_served() -> bool:
            return (await api.http.get("/livez")).status_code == 200

        await eventually(is_served)


async def test_every_answer_keeps_quiet_about_the_server(api: Api, view: View) -> None:
    await view.put(("ana", {}))
    for method, path in (
        ("GET", "/v1/customers/ana"),
        ("GET", "/v1/customers/nobody"),
        ("GET", "/nowhere"),
        ("POST", "/v1/customers/ana"),
        ("DELETE", "/v1/customers/ana"),
        ("GET", "/livez"),
        ("GET", "/v1/openapi.json"),
    ):
        answer = await api.http.request(method, path)
        assert "server" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


class Broken(Rest):
    """Has a bug that speaks."""

    async def explain(self, customer_id: str) -> bytes:
        raise RuntimeError(f"no {customer_id}, whose address is ana@mail.example")


async def test_a_bug_is_logged_and_not_told(settings: Settings) -> None:
    async with serving(settings, Broken()) as api:
        with capture_logs() as told:
            answer = await api.http.get("/v1/customers/ana/explain")
    assert answer.status_code == 500
    assert answer.json()["type"].endswith(":internal-error")
    assert "mail" not in answer.text
    (line,) = [line for line in told if line["log_level"] == "error"]
    assert answer.json()["instance"].endswith(line["request"])


async def test_the_log_names_nobody(settings: Settings, view: View, book: TokenBook) -> None:
    await view.put(("ana-maria", {}))
    secret = book.add("crm", "read")
    async with serving(changed(settings, api_token_file=book.path), token=secret) as api:
        with capture_logs() as told:
            await api.http.get("/v1/customers/ana-maria")
            await api.http.get("/v1/customers?id=ana-maria")
            await api.http.get("/v1/customers/ana-maria/explain")
            await api.http.get("/v1/changes?customer=ana-maria&topic=ana-maria")
    assert len(told) == 4
    for line in told:
        text = json.dumps(line)
        assert line["caller"] == "crm"
        assert not any(word in text for word in ("ana-maria", secret, "127.0.0.1"))


async def test_over_tls(settings: Settings, tls: Certificates, book: TokenBook) -> None:
    secret = book.add("crm", "read")
    with_tls = changed(settings, api_tls_certfile=tls.server, api_token_file=book.path)
    trusting = ssl.create_default_context(cafile=str(tls.authority))
    async with serving(with_tls) as api:
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(verify=trusting, headers=headers) as client:
            answer = await client.get(f"https://127.0.0.1:{api.port}/v1/customers/ana")
            assert answer.json()["type"].endswith(":no-view")
            assert answer.headers["strict-transport-security"]
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient() as client:
                await client.get(f"https://127.0.0.1:{api.port}/livez")
        with pytest.raises(httpx.HTTPError):
            await api.http.get("/livez")


def test_a_port_that_is_taken_is_one_sentence(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ApiServerError, match=f"cannot listen on 127.0.0.1:{port} "):
            bind(changed(settings, api_port=port))
    with pytest.raises(ApiServerError, match="TIERSTREAM_API_HOST"):
        bind(changed(settings, api_host="nowhere.invalid"))
