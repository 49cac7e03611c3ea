"""The mock's HTTP server: OpenAI's Responses API, and the control of its faults.

`POST /v1/responses` answers. Which fault a request suffers is said, in this order, by its header `X-Mock-Fault`, by the
queue of faults, or by the standing fault. `PUT /mock/faults` with `{"queue": [...], "standing": ...}` sets both;
entries are names of faults, or null for none. `GET /mock/requests` lists what came in.
"""

import json
from collections import deque
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Annotated, Any, ClassVar, NamedTuple, Self, cast

from pydantic import Field, ValidationError

from voicehive.model import Model
from voicehive.reasoning.mock_service.answers import AnswerMaker, answer
from voicehive.reasoning.mock_service.faults import BODIES, CONNECTIONS, STATUSES, Fault, error
from voicehive.reasoning.mock_service.responses import response

FAULT_HEADER = "x-mock-fault"
UNREACHABLE_SECONDS = 2.0
"""How long nobody listens after a refused connection."""

_LARGEST_BODY = 4_000_000
_KEPT_REQUESTS = 1_000
_LONGEST_SILENCE_SECONDS = 600.0


class Received(NamedTuple):
    """A request that came in; the names of its headers in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class FaultPlan(Model):
    """What happens next: the n-th request suffers the n-th of the queue, and those after it the standing fault."""

    queue: tuple[Annotated[Fault, Field(strict=False)] | None, ...] = ()
    standing: Annotated[Fault, Field(strict=False)] | None = None


class MockOpenAI:
    """The server, serving between enter and exit; port 0 is a free one.

    `faults` are the queue, which may be endless.
    """

    def __init__(
        self,
        answer: AnswerMaker = answer,
        faults: Iterable[Fault | None] = (),
        *,
        standing: Fault | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._requests: deque[Received] = deque(maxlen=_KEPT_REQUESTS)
        self.answer = answer
        self.closing = Event()
        self._faults = iter(faults)
        self._standing = standing
        self._lock = Lock()
        self._server = self._listen(host, port)
        self._thread = Thread(target=self._serve, name="mock-openai", daemon=True)

    @property
    def base_url(self) -> str:
        """What a client is given as its base URL."""
        host, port = self._address
        return f"http://{host}:{port}/v1"

    @property
    def requests(self) -> list[Received]:
        """What came in, the newest last, up to a thousand."""
        with self._lock:
            return list(self._requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        while self._thread.is_alive():  # it may just be coming back from a refused connection, with another server
            self._server.shutdown()
            self._thread.join(0.1)

    def plan(self, plan: FaultPlan) -> None:
        """Put this in the place of what was planned."""
        with self._lock:
            self._faults, self._standing = iter(plan.queue), plan.standing

    def fault_of(self, received: Received) -> Fault | None:
        """Note the request, and say what it suffers.

        Raises:
            ValueError: its header names no fault.
        """
        with self._lock:
            self._requests.append(received)
            asked = received.headers.get(FAULT_HEADER)
            return Fault(asked) if asked else next(self._faults, self._standing)

    def become_unreachable(self) -> None:
        """Stop listening for a while; connections that are open go on."""
        self._server.shutdown()

    def _listen(self, host: str, port: int) -> ThreadingHTTPServer:
        server = _Server((host, port), type("Handler", (_Handler,), {"mock": self}))
        self._address = (host, server.server_port)
        return server

    def _serve(self) -> None:
        while True:
            self._server.serve_forever(poll_interval=0.02)
            self._server.server_close()
            if self.closing.is_set() or self.closing.wait(UNREACHABLE_SECONDS):
                return
            self._server = self._listen(*self._address)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


class _Handler(BaseHTTPRequestHandler):
    mock: ClassVar[MockOpenAI]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._body()
        if self.path != "/v1/responses" or not isinstance(body, dict):
            self._send(404 if isinstance(body, dict) else 400, error("invalid_request_error"))
            return
        request = cast(dict[str, Any], body)
        received = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, request)
        try:
            fault = self.mock.fault_of(received)
            self._answer(request, fault)
        except (
            ValueError,
            KeyError,
        ):  # an unknown fault in the header, or an input of another kind than its form is asked for
            self._send(400, error("invalid_request_error"))

    def do_PUT(self) -> None:
        try:
            plan = FaultPlan.model_validate_json(json.dumps(self._body()))
        except ValidationError as invalid:
            self._send(400, json.dumps({"errors": [fault["msg"] for fault in invalid.errors()]}).encode())
            return
        if self.path != "/mock/faults":
            self._send(404, error("not_found"))
            return
        self.mock.plan(plan)
        self._send(200, plan.model_dump_json().encode())

    def do_GET(self) -> None:
        if self.path != "/mock/requests":
            self._send(404, error("not_found"))
            return
        received = [{"path": one.path, "body": one.body} for one in self.mock.requests]
        self._send(200, json.dumps(received).encode())

    def _answer(self, request: dict[str, Any], fault: Fault | None) -> None:
        if fault in STATUSES:
            self._send(*STATUSES[fault])
        elif fault in BODIES:
            self._send(200, *BODIES[fault])
        elif fault is not None and fault in CONNECTIONS:
            self._break(fault, response(request, self.mock.answer(request)))
        else:
            self._send(200, response(request, self.mock.answer(request), fault))

    def _break(self, fault: Fault, whole: bytes) -> None:
        """Leave the answer unfinished, in the way of the fault."""
        self.close_connection = True
        if fault is Fault.TIMEOUT:
            self.mock.closing.wait(_LONGEST_SILENCE_SECONDS)
        if fault is Fault.REFUSED_CONNECTION:
            self.mock.become_unreachable()
        if fault in (Fault.TIMEOUT, Fault.REFUSED_CONNECTION, Fault.DISCONNECT):
            return
        self._head(200, len(whole), {})
        if fault is Fault.TRUNCATED_BODY:
            self.wfile.write(whole[: len(whole) // 2])
            return
        for byte in whole:
            if self.mock.closing.wait(0.05):
                return
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                return

    def _body(self) -> Any:
        """The JSON that came in; None where it is none."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            return None
        try:
            return json.loads(self.rfile.read(int(length)))
        except ValueError:
            return None

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(content), headers or {})
        self.wfile.write(content)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        """Say nothing."""
