import asyncio
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Generator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.execution.http_server import HttpServer, Received, http_server
from voicehive.execution import ActionFailed, ActionRefused, ActionWithdrawn
from voicehive.execution.action import ActionContext, NoArguments, Resources
from voicehive.execution.http_actions import (
    CheckHttp,
    CheckHttpArguments,
    NotifyWebhook,
    NotifyWebhookArguments,
    NotifyWebhookCompensation,
    RequestHttp,
    RequestHttpArguments,
    RequestHttpCompensation,
)
from voicehive.execution.outbound_http import NothingSent, is_public

IPV4 = "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 240.0.0.1 192.0.2.1"
IPV6 = "::1 :: fe80::1 fc00::1 fec0::1 ff02::1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: 2001:db8::1"
NOT_PUBLIC = f"{IPV4} {IPV6}".split()


@pytest.fixture
def context(context: ActionContext, server: HttpServer) -> ActionContext:
    return replace(context, allowed_hosts=(server.host,))


def order(server: HttpServer, **more: Any) -> RequestHttpArguments:
    return RequestHttpArguments(method="POST", url=f"{server.url}/orders?a=b", json={"n": 1}, **more)


def cancel_order(server: HttpServer) -> RequestHttpCompensation:
    return RequestHttpCompensation(method="DELETE", url=f"{server.url}/orders")


async def test_a_request_is_sent_once_and_undone_once(
    resources: Resources, context: ActionContext, server: HttpServer
) -> None:
    action, arguments = RequestHttp(resources), order(server, headers={"X-Team": "voice"})
    server.answer = lambda _: (201, b"created \xff" + b"x" * 5000)
    results = [await action.run(arguments, context) for _ in range(2)]
    assert results[0] == results[1]
    assert (results[0]["status"], results[0]["truncated"]) == (201, True)
    assert results[0]["body"] == "created \ufffd" + "x" * (4096 - 9)
    (received,) = server.received
    assert (received.method, received.path, received.json) == ("POST", "/orders?a=b", {"n": 1})
    headers = {"idempotency-key": context.key, "x-team": "voice", "host": server.host}
    assert received.headers.items() >= headers.items()
    undone = [await action.compensate(arguments, cancel_order(server), results[0], context) for _ in range(2)]
    assert undone[0] == undone[1]
    assert server.sent()[1:] == [("DELETE", "/orders", f"{context.key}:compensation")]
    with pytest.raises(ActionWithdrawn):
        await action.run(arguments, context)


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_a_failure_that_may_pass_is_retried_under_the_same_key(
    resources: Resources, context: ActionContext, server: HttpServer, status: int
) -> None:
    action, answers = RequestHttp(resources), [(status, b"busy"), (200, b"ok")]
    server.answer = lambda _: answers.pop(0)
    with pytest.raises(ActionFailed, match=rf"POST 127.0.0.1/orders answered {status}: busy"):
        await action.run(order(server), context)
    assert (await action.run(order(server), context))["status"] == 200
    assert {key for *_, key in server.sent()} == {context.key}


@pytest.mark.parametrize("status", [400, 404, 409, 422, 302])
async def test_a_failure_that_will_not_pass_is_refused(
    resources: Resources, context: ActionContext, server: HttpServer, status: int
) -> None:
    server.answer = lambda _: (status, b"no", {"Location": f"{server.url}/elsewhere"})
    with pytest.raises(ActionRefused, match=f"answered {status}: no"):
        await RequestHttp(resources).run(order(server), context)
    assert len(server.received) == 1


async def test_an_expected_status_is_a_success_and_no_other(
    resources: Resources, context: ActionContext, server: HttpServer
) -> None:
    server.answer = lambda received: (409 if received.method == "POST" else 200, b"")
    action = RequestHttp(resources)
    assert (await action.run(order(server, expect_status=409), context))["status"] == 409
    with pytest.raises(ActionRefused, match="answered 200"):
        await CheckHttp(resources).run(CheckHttpArguments(url=server.url, expect_status=204), context)


async def test_a_request_without_answer_in_time_fails_and_is_undone(
    resources: Resources, context: ActionContext, server: HttpServer
) -> None:
    def slow(received: Received) -> tuple[int, bytes]:
        if received.method == "POST":
            time.sleep(0.6)
        return 404, b"no such order"

    server.answer = slow
    action, arguments = RequestHttp(resources), order(server, timeout_seconds=0.2)
    with pytest.raises(ActionFailed, match=r"POST 127.0.0.1: no answer within 0.2 s"):
        await action.run(arguments, context)
    undone = await action.compensate(arguments, cancel_order(server), None, context)
    assert undone == {"status": 404, "never_happened": True}
    assert [method for method, *_ in server.sent()] == ["POST", "DELETE"]


async def test_nothing_is_undone_where_nothing_can_have_happened(
    resources: Resources, context: ActionContext, server: HttpServer
) -> None:
    action = RequestHttp(resources)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed_port = taken.getsockname()[1]
    nobody = RequestHttpArguments(method="POST", url=f"http://127.0.0.1:{closed_port}/")
    context = replace(context, allowed_hosts=("127.0.0.1",))
    with pytest.raises(NothingSent, match="cannot connect"):
        await action.run(nobody, context)
    server.answer = lambda _: (422, b"no")
    refused = replace(context, key="refused")
    with pytest.raises(ActionRefused):
        await action.run(order(server), refused)
    untried = replace(context, key="untried")
    for arguments, one in ((nobody, context), (order(server), refused), (order(server), untried)):
        undone = await action.compensate(arguments, cancel_order(server), None, one)
        assert undone == {"never_happened": True}
        with pytest.raises(ActionWithdrawn):
            await action.run(arguments, one)
    assert [method for method, *_ in server.sent()] == ["POST"]


async def test_a_compensation_that_fails_is_tried_again(
    resources: Resources, context: ActionContext, server: HttpServer
) -> None:
    action, answers = RequestHttp(resources), [(200, b""), (503, b""), (403, b""), (204, b"")]
    server.answer = lambda _: answers.pop(0)
    await action.run(order(server), context)
    with pytest.raises(ActionFailed):
        await action.compensate(order(server), cancel_order(server), None, context)
    with pytest.raises(ActionRefused):
        await action.compensate(order(server), cancel_order(server), None, context)
    assert (await action.compensate(order(server), cancel_order(server), None, context))["status"] == 204
    assert len({key for *_, key in server.sent()[1:]}) == 1


async def test_a_reason_instead_of_a_compensation_sends_nothing(
    resources: Resources, context: ActionContext, server: HttpServer
) -> None:
    action = RequestHttp(resources)
    await action.run(order(server), context)
    undone = await action.compensate(order(server), RequestHttpCompensation(none="a report"), None, context)
    assert undone == {"sent": False}
    assert len(server.received) == 1


async def test_a_notification_is_posted_once_and_followed_up_once(
    resources: Resources, context: ActionContext, server: HttpServer
) -> None:
    action = NotifyWebhook(resources)
    arguments = NotifyWebhookArguments(url=f"{server.url}/hook", message="raised", fields={"channel": "ops"})
    for _ in range(2):
        await action.run(arguments, context)
    for _ in range(2):
        await action.compensate(arguments, NotifyWebhookCompensation(message="lowered again"), None, context)
    assert [received.json for received in server.received] == [
        {"channel": "ops", "message": "raised"},
        {"channel": "ops", "message": "lowered again"},
    ]
    silent = replace(context, key="silent")
    await action.run(arguments, silent)
    assert await action.compensate(arguments, NotifyWebhookCompensation(), None, silent) == {"sent": False}
    assert len(server.received) == 3


@given(
    calls=st.lists(st.lists(st.sampled_from(["run", "compensate"]), min_size=1, max_size=3), min_size=1, max_size=4),
    faults=st.lists(st.sampled_from(["", "before", "after"]), max_size=6),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_interleaving_with_any_faults_leaves_no_order_behind(
    resources: Resources, context: ActionContext, server: HttpServer, calls: list[list[str]], faults: list[str]
) -> None:
    """Against a server that honours `Idempotency-Key`, and fails before or after it did what it was asked."""
    context = replace(context, key=f"{time.monotonic_ns()}")
    orders, seen, faults = set[str](), set[str](), list(faults)

    def answer(received: Received) -> tuple[int, bytes]:
        fault = faults.pop() if faults else ""
        if fault == "before":
            return 503, b""
        key = received.headers["idempotency-key"]
        if key not in seen:
            seen.add(key)
            (orders.add if received.method == "POST" else orders.discard)("order")
        return (502 if fault == "after" else 200), b""

    server.answer = answer
    action = RequestHttp(resources)

    async def call(what: str) -> Any:
        if what == "run":
            return await action.run(order(server), context)
        return await action.compensate(order(server), cancel_order(server), None, context)

    for together in calls:
        outcomes = await asyncio.gather(*map(call, together), return_exceptions=True)
        assert all(isinstance(one, dict | ActionFailed | ActionWithdrawn) for one in outcomes), outcomes
        if "compensate" not in together and any(isinstance(one, dict) for one in outcomes):
            assert orders == {"order"}
        if any(isinstance(one, dict) for one, what in zip(outcomes, together, strict=True) if what == "compensate"):
            assert orders == set()
    for _ in range(len(faults) + 1):
        (outcome,) = await asyncio.gather(call("compensate"), return_exceptions=True)
        if isinstance(outcome, dict):
            break
    assert orders == set()
    with pytest.raises(ActionWithdrawn):
        await call("run")


# Where a request may go


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name resolves to these; returns the list of names that are asked for."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", ()),
        ("127.0.0.1", ("127.0.0.1:1",)),
        ("example.com", ("*.example.com",)),
        ("badexample.com", ("*.example.com", "example.com")),
        ("example.com.evil.org", ("*.example.com", "example.com")),
        ("localhost", ("127.0.0.1", "*")),
    ],
)
async def test_hosts_that_are_not_allowed_are_refused_before_they_are_even_looked_up(
    resources: Resources,
    context: ActionContext,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    allowed: tuple[str, ...],
) -> None:
    asked = resolve_to(monkeypatch, "127.0.0.1")
    with pytest.raises(ActionRefused, match=f"'{host}' .*is not among the hosts this tenant allows"):
        await CheckHttp(resources).run(
            CheckHttpArguments(url=f"http://{host}:8080/"), replace(context, allowed_hosts=allowed)
        )
    assert asked == []


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("93.184.216.34", "10.0.0.1"), ("::ffff:127.0.0.1",)])
async def test_a_wildcard_does_not_open_private_addresses(
    resources: Resources,
    context: ActionContext,
    server: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
    addresses: tuple[str, ...],
) -> None:
    resolve_to(monkeypatch, *addresses)
    wildcard = replace(context, allowed_hosts=("*.example.com",))
    with pytest.raises(ActionRefused, match=r"which is not a public address; .* list this very host"):
        await CheckHttp(resources).run(CheckHttpArguments(url=f"http://api.example.com:{server.port}/"), wildcard)
    assert server.received == []


@pytest.mark.parametrize("listed", ["api.example.com", "API.example.com:{port}"])
async def test_a_listed_host_may_be_private_and_the_next_address_is_tried(
    resources: Resources, context: ActionContext, server: HttpServer, monkeypatch: pytest.MonkeyPatch, listed: str
) -> None:
    asked = resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1")  # nothing listens on the first
    context = replace(context, allowed_hosts=(listed.format(port=server.port),))
    url = f"http://API.example.com.:{server.port}/health"
    assert (await CheckHttp(resources).run(CheckHttpArguments(url=url), context))["status"] == 200
    assert server.received[0].headers["host"] == f"api.example.com.:{server.port}"
    assert asked == ["api.example.com"]


async def test_the_checked_address_is_the_one_connected_to(
    resources: Resources, context: ActionContext, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a public address for the check and a private one for the connection."""
    answers = [["203.0.113.7"], ["127.0.0.1"], ["127.0.0.1"]]
    monkeypatch.setattr("voicehive.execution.outbound_http.is_public", lambda address: str(address) == "203.0.113.7")

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    url = f"http://api.example.com:{server.port}/"
    with pytest.raises(ActionFailed):
        await CheckHttp(resources).run(
            CheckHttpArguments(url=url, timeout_seconds=0.3), replace(context, allowed_hosts=("*.example.com",))
        )
    assert server.received == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1111", True),
        *[(address, False) for address in NOT_PUBLIC],
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=api.example.com "
        "-addext subjectAltName=DNS:api.example.com -keyout key.pem -out certificate.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=30)
    return folder


@pytest.fixture
def tls_server(certificates: Path) -> Generator[tuple[HttpServer, list[str | None]]]:
    names: list[str | None] = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates / "certificate.pem", certificates / "key.pem")
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    with http_server(tls) as running:
        yield running, names


async def test_tls_is_that_of_the_name_in_the_url(
    resources: Resources,
    context: ActionContext,
    tls_server: tuple[HttpServer, list[str | None]],
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, names = tls_server
    resolve_to(monkeypatch, "127.0.0.1")
    context = replace(context, allowed_hosts=("api.example.com", "other.example.com"))
    trust = ssl.create_default_context(cafile=certificates / "certificate.pem")
    async with httpx.AsyncClient(verify=trust) as client:
        action = CheckHttp(replace(resources, http=client))
        port = server.port
        right = await action.run(CheckHttpArguments(url=f"https://api.example.com:{port}/"), context)
        assert right["status"] == 200
        # The connection to the same address is not reused: this name's own certificate is asked for, and is not there.
        with pytest.raises(ActionFailed, match="certificate"):
            await action.run(CheckHttpArguments(url=f"https://other.example.com:{port}/"), context)
    assert names == ["api.example.com", "other.example.com"]
    assert len(server.received) == 1


async def test_ipv6_addresses_work(resources: Resources, context: ActionContext) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    try:
        listener = await asyncio.start_server(answer, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        for allowed in ("::1", "[::1]", f"[::1]:{port}"):
            result = await CheckHttp(resources).run(
                CheckHttpArguments(url=f"http://[::1]:{port}/"), replace(context, allowed_hosts=(allowed,))
            )
            assert result["status"] == 200


def test_checks_are_read_only() -> None:
    assert CheckHttp.compensation is None
    assert RequestHttp.compensation is not NoArguments
