"""HTTP requests to hosts a tenant allowed, and to no address behind them that was not meant.

The address is resolved and checked first and the connection then goes to that very address, so that a name cannot
point elsewhere between the check and the connection (DNS rebinding); `Host`, TLS server name and certificate check
stay those of the URL. Connections are not kept: one made for a host must not carry another's request (or another
tenant's) because both have the same address.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Self, TypeAlias

import httpx
from pydantic import AfterValidator, Field, JsonValue, field_validator

from voicehive.execution.errors import ActionFailed, ActionRefused
from voicehive.model import Model

MAXIMUM_BODY_BYTES = 4096
"""How much of an answer is kept in a step's result."""

# RFC 9110 15.5.9 (408), RFC 8470 (425), RFC 6585 (429): the client may repeat the request.
_RETRYABLE_STATUSES = frozenset({408, 425, 429})
_OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "idempotency-key", "accept-encoding"}
)
# Beyond what `ipaddress` counts as private: networks that reach an IPv4 address written inside an IPv6 one, which may
# itself be private (RFC 6052, RFC 8215, RFC 3056), and the former site-local addresses (RFC 3879).
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10")))

HeaderName: TypeAlias = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue: TypeAlias = Annotated[str, Field(pattern=r"^[\t\x20-\x7e]*$")]
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_url(url: str) -> str:
    """The URL, if it is an absolute http or https one without a user name; raises ValueError otherwise."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"not a URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError("must be an absolute URL that starts with https:// or http://")
    if parsed.userinfo:
        raise ValueError("must not hold a user name or password; send credentials in a header")
    return url


Url: TypeAlias = Annotated[str, AfterValidator(check_url)]


class HttpMessage(Model):
    """What a request carries, and what counts as its success: `expect_status`, or else any status from 200 to 299."""

    headers: dict[HeaderName, HeaderValue] = {}
    body: JsonValue = Field(default=None, alias="json")
    expect_status: Annotated[int, Field(ge=200, le=599)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 30.0

    @field_validator("headers")
    @classmethod
    def _leave_framing_alone(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name} is set by the action itself; leave it out")
        return headers

    def expects(self, status: int) -> bool:
        """Whether that status is a success."""
        return 200 <= status < 300 if self.expect_status is None else status == self.expect_status


@dataclass(frozen=True)
class HttpCall:
    """A request to send."""

    method: str
    url: str
    message: HttpMessage


class HttpAnswer(Model):
    """What came back; at most 4 KiB of the body, as text."""

    status: int
    body: str
    truncated: bool

    @classmethod
    async def read(cls, response: httpx.Response) -> Self:
        """Read as much of the body as is kept, and no more."""
        content = b""
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > MAXIMUM_BODY_BYTES:
                break
        kept = content[:MAXIMUM_BODY_BYTES].decode(errors="replace")
        return cls(status=response.status_code, body=kept, truncated=len(content) > MAXIMUM_BODY_BYTES)


def create_client() -> httpx.AsyncClient:
    """The client that actions are given: no redirects, no proxy from the environment."""
    return httpx.AsyncClient(follow_redirects=False, trust_env=False)


class NothingSent(ActionFailed):
    """No connection came about, so the request certainly had no effect."""


class UnexpectedStatus(ActionRefused):
    """The server answered with a status that is no success, and would again."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def send(
    client: httpx.AsyncClient, call: HttpCall, *, allowed_hosts: Iterable[str], idempotency_key: str | None = None
) -> HttpAnswer:
    """Send one request and return its answer, if that is a success.

    Raises:
        ActionRefused: the host is not allowed (nothing was sent).
        UnexpectedStatus: the answer says that repeating is useless.
        NothingSent: no connection.
        ActionFailed: no answer in time, or one that says to try later.
    """
    url = httpx.URL(call.url)
    try:
        async with asyncio.timeout(call.message.timeout_seconds):
            addresses = await resolve(url, tuple(allowed_hosts))
            answer = await _send_to_first(client, call, url, addresses, idempotency_key)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NothingSent(f"{call.method} {url.host}: cannot connect: {error or 'no answer in time'}") from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise ActionFailed(f"{call.method} {url.host}: no answer within {call.message.timeout_seconds:g} s") from error
    except httpx.HTTPError as error:
        raise ActionFailed(f"{call.method} {url.host}: {error or type(error).__name__}") from error
    if call.message.expects(answer.status):
        return answer
    message = f"{call.method} {url.host}{url.path} answered {answer.status}: {answer.body[:200]}"
    if answer.status >= 500 or answer.status in _RETRYABLE_STATUSES:
        raise ActionFailed(message)
    raise UnexpectedStatus(answer.status, message)


async def _send_to_first(
    client: httpx.AsyncClient, call: HttpCall, url: httpx.URL, addresses: list[Address], key: str | None
) -> HttpAnswer:
    for address in addresses[:-1]:
        try:
            return await _send_to(client, call, url, address, key)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue  # nothing was sent yet: the host's next address may be reachable
    return await _send_to(client, call, url, addresses[-1], key)


async def _send_to(
    client: httpx.AsyncClient, call: HttpCall, url: httpx.URL, address: Address, key: str | None
) -> HttpAnswer:
    headers = call.message.headers | {
        "Host": url.netloc.decode("ascii"),
        "Connection": "close",
        "Accept-Encoding": "identity",
    }
    if key is not None:
        headers["Idempotency-Key"] = key
    request = client.build_request(
        call.method,
        url.copy_with(host=str(address)),
        headers=headers,
        json=call.message.body,
        timeout=call.message.timeout_seconds,
        extensions={"sni_hostname": _host(url)},
    )
    response = await client.send(request, stream=True, follow_redirects=False)
    try:
        return await HttpAnswer.read(response)
    finally:
        await response.aclose()


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").lower().rstrip(".")


async def resolve(url: httpx.URL, allowed_hosts: tuple[str, ...]) -> list[Address]:
    """The addresses at which a URL's host may be reached.

    Raises:
        ActionRefused: the host, or an address of it, is not allowed.
        NothingSent: it has no address.
    """
    host = _host(url)
    port = url.port or (443 if url.scheme == "https" else 80)
    listed, matched = _match(host, port, allowed_hosts)
    if not (listed or matched):
        raise ActionRefused(
            f"host {host!r} (port {port}) is not among the hosts this tenant allows: "
            f"{', '.join(allowed_hosts) or 'none'}; add it to the policy's allowed hosts, or use one of these"
        )
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NothingSent(f"host {host!r} cannot be resolved: {error}") from error
    addresses = list(dict.fromkeys(ipaddress.ip_address(sockaddr[0]) for *_, sockaddr in found))
    if not listed:
        for address in addresses:
            if not is_public(address):
                raise ActionRefused(
                    f"host {host!r} resolves to {address}, which is not a public address; "
                    "if that is meant, list this very host in the policy's allowed hosts"
                )
    return addresses


def _match(host: str, port: int, allowed_hosts: tuple[str, ...]) -> tuple[bool, bool]:
    """Whether the host is listed by name, and whether a wildcard matches it."""
    bracketed = f"[{host}]" if ":" in host else host
    names = {host, bracketed, f"{bracketed}:{port}"}
    patterns = [pattern.lower().rstrip(".") for pattern in allowed_hosts]
    listed = any(pattern in names for pattern in patterns)
    wildcards = [pattern.removeprefix("*") for pattern in patterns if pattern.startswith("*.")]
    matched = any(host.endswith(suffix) or f"{host}:{port}".endswith(suffix) for suffix in wildcards)
    return listed, matched


def is_public(address: Address) -> bool:
    """Whether an address is globally reachable unicast (IANA special-purpose registries, RFC 6890)."""
    if address.is_multicast or address.is_reserved:
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)
