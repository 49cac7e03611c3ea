"""Posts to an external simulator, and again while that may help.

A request may be repeated because its `Idempotency-Key` names its content, by the SHA-256 of the body (the header of
draft-ietf-httpapi-idempotency-key-header). Statuses that invite to try again: RFC 9110 15.5.9 (408), RFC 8470 (425),
RFC 6585 (429), and 5xx; `Retry-After`: RFC 9110 10.2.3.
"""

import hashlib
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeAlias

import httpx
import stamina

from voicehive.optimization.errors import EvaluatorFailed, EvaluatorRefused
from voicehive.optimization.evaluators.http_simulator import HttpSimulator

Addresses: TypeAlias = Callable[[httpx.URL], Sequence[str]]
"""Says at which IP addresses a URL's host may be reached, or raises `EvaluatorRefused` where it may not be."""

LONGEST_WAIT_SECONDS = 30.0
"""The longest pause between two attempts; a simulator that asks for more has failed for now."""

_RETRYABLE_STATUSES = frozenset({408, 425, 429})
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")
_READ_BYTES = 4_096
_SHOWN_CHARACTERS = 200
_MARKUP = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>?", re.DOTALL | re.IGNORECASE)


class _TryAgain(EvaluatorFailed):
    """The request may succeed later; `wait_seconds` where the answer says when."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class SimulatorClient:
    """Sends requests to one simulator. It follows no redirect and takes no proxy from the environment.

    Where `addresses` is given, it is asked before every attempt, and the connection goes to an address that it
    returned, so that the name cannot point elsewhere between the check and the connection (DNS rebinding); `Host`, TLS
    server name and certificate check stay those of the URL.

    Raises:
        EvaluatorRefused: a header's value is missing or malformed, or the URL is unusable.
    """

    def __init__(self, simulator: HttpSimulator, addresses: Addresses | None, environment: Mapping[str, str]) -> None:
        try:
            self._url = httpx.URL(simulator.url)
        except httpx.InvalidURL as error:
            raise EvaluatorRefused(f"evaluator.url {simulator.url!r}: {error}; correct it") from None
        self._simulator = simulator
        self._addresses = addresses
        self._secrets = _secrets(simulator, environment)
        # Reading the authorities' certificates takes longer than a request to a near host: once is enough.
        self._tls = httpx.create_ssl_context(trust_env=False)

    def open(self) -> httpx.Client:
        """Connections for `post`; whoever opens them closes them."""
        timeout = self._simulator.timeout_seconds
        return httpx.Client(verify=self._tls, timeout=timeout, follow_redirects=False, trust_env=False)

    def post(self, connections: httpx.Client, body: bytes, limit: int) -> bytes:
        """Send a JSON body, and return the answer's body, of at most `limit` bytes.

        Raises:
            EvaluatorRefused: the host is not allowed, or the answer is no success and would be none again.
            EvaluatorFailed: after every attempt there is no answer, or one that says to try later.
        """
        attempts = self._simulator.attempts
        retries = stamina.retry_context(_pause, attempts=attempts, timeout=None, wait_max=LONGEST_WAIT_SECONDS)
        try:
            for attempt in retries:
                with attempt:
                    return self._post(connections, body, limit)
        except EvaluatorFailed as error:
            raise EvaluatorFailed(f"{error} (attempts allowed: {attempts}); try again later") from error.__cause__
        raise AssertionError("the retries end by returning or raising")

    def refusal(self, fault: str) -> EvaluatorRefused:
        """The error for an answer that cannot be used."""
        return EvaluatorRefused(self._message(fault))

    def _post(self, connections: httpx.Client, body: bytes, limit: int) -> bytes:
        try:
            response = self._answer(connections, body)
            try:
                return self._body(response, limit)
            finally:
                response.close()
        except httpx.TimeoutException as error:
            raise _TryAgain(self._message(f"no answer within {self._simulator.timeout_seconds:g} s")) from error
        except httpx.TransportError as error:
            raise _TryAgain(self._message(str(error) or type(error).__name__)) from error

    def _answer(self, connections: httpx.Client, body: bytes) -> httpx.Response:
        """Send the request to the first address that a connection can be made to."""
        targets = [self._url]
        if self._addresses is not None:
            targets = [self._url.copy_with(host=address) for address in self._addresses(self._url)]
        for target in targets[:-1]:
            try:
                return self._send(connections, target, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return self._send(connections, targets[-1], body)

    def _send(self, connections: httpx.Client, target: httpx.URL, body: bytes) -> httpx.Response:
        headers = self._secrets | {
            "Host": self._url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Idempotency-Key": hashlib.sha256(body).hexdigest(),
        }
        extensions = {"sni_hostname": self._url.raw_host.decode("ascii")}
        request = connections.build_request("POST", target, headers=headers, content=body, extensions=extensions)
        return connections.send(request, stream=True)

    def _body(self, response: httpx.Response, limit: int) -> bytes:
        if response.status_code == 200:
            content = self._content(response, limit + 1)
            if len(content) > limit:
                raise self.refusal(f"the answer is longer than {limit} bytes, more than the numbers asked for can need")
            return content
        shown = _readable(self._content(response, _READ_BYTES)[:_READ_BYTES].decode(errors="replace"))
        fault = f"answered {response.status_code}" + (f": {shown}" if shown else "")
        if response.status_code >= 500 or response.status_code in _RETRYABLE_STATUSES:
            raise _TryAgain(self._message(fault), _retry_after(response.headers.get("Retry-After", "")))
        if response.is_redirect:
            fault += f" - redirects are not followed; give the final address, {response.headers['Location']}"
        raise self.refusal(fault)

    def _content(self, response: httpx.Response, enough: int) -> bytes:
        """Read until there are `enough` bytes, no more, or no more time."""
        deadline = time.monotonic() + self._simulator.timeout_seconds
        content = bytearray()
        for chunk in response.iter_raw():
            content += chunk
            if len(content) >= enough:
                break
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer comes too slowly")
        return bytes(content)

    def _message(self, fault: str) -> str:
        """Name the request before the fault, and no secret that the answer may have repeated."""
        message = f"evaluator: POST {self._url}: {fault}"
        for secret in self._secrets.values():
            message = message.replace(secret, "***")
        return message


def _secrets(simulator: HttpSimulator, environment: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for header, variable in simulator.headers_from_environment.items():
        value = environment.get(variable)
        if value is None:
            raise EvaluatorRefused(f"header {header}: the environment variable {variable} is not set; set it")
        if not _HEADER_VALUE.fullmatch(value):
            raise EvaluatorRefused(
                f"header {header}: the environment variable {variable} holds no header's value; "
                "it must be visible ASCII, with blanks only inside"
            )
        values[header] = value
    return values


def _pause(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds, spread a little so that clients do not come back together."""
    if not isinstance(error, EvaluatorFailed):
        return False
    wait = error.wait_seconds if isinstance(error, _TryAgain) else None
    if wait is None:
        return True
    return wait <= LONGEST_WAIT_SECONDS and wait * random.uniform(1.0, 1.1) + 0.01


def _readable(answer: str) -> str:
    """An answer's text on one line, without markup and control characters, cut where it is long."""
    text = "".join(character if character.isprintable() else " " for character in _MARKUP.sub(" ", answer))
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN_CHARACTERS else f"{words[:_SHOWN_CHARACTERS]}..."


def _retry_after(value: str) -> float | None:
    """Seconds from now that a `Retry-After` names, as a number or a date; None where it names none."""
    if value.strip().isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
