"""A server that speaks enough of OpenAI's Responses API for the real client, and fails on demand.

What it answers depends on nothing but the request: the same content gets the same answer, byte for byte.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, Self

Answer = Callable[[dict[str, Any]], str]
"""Makes the text of the answer from the request's body."""


class Fault(StrEnum):
    RATE_LIMITED = "429 with Retry-After: 1"
    RATE_LIMITED_FOR_LONG = "429 with Retry-After: 3600"
    OUT_OF_QUOTA = "429 that waiting does not heal"
    SERVER_ERROR = "500"
    OVERLOADED = "503"
    UNAUTHORIZED = "401"
    BAD_REQUEST = "400"
    REDIRECT = "307 to another path"
    TIMEOUT = "no answer"
    DISCONNECT = "the connection closes without an answer"
    TRUNCATED_BODY = "the body ends before its announced length"
    SLOW_STREAM = "a byte now and then, for ever"
    HTML = "an HTML page with status 200"
    EMPTY_OBJECT = "{} as the response"
    NULL = "null as the response"
    LIST = "[] as the response"
    NOT_JSON = "application/json that is none"
    TRUNCATED_JSON = "the answer's text ends in the middle"
    SCHEMA_VIOLATION = "the answer's text has another form"
    EMPTY_ANSWER = "{} as the answer's text"
    REFUSAL = "a refusal"
    APOLOGY = "a refusal in prose, as the answer's text"
    LENGTH = "cut off by max_output_tokens"
    LENGTH_AT_THE_END = "whole, but marked as cut off by max_output_tokens"
    CONTENT_FILTER = "cut off by the content filter"
    FAILED = "status failed, no output"
    NO_OUTPUT = "no output at all"


class Received(NamedTuple):
    """A request that came in; the names of its headers in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class MockOpenAI:
    """The server, on a free loopback port; the n-th request suffers the n-th fault, None is none."""

    def __init__(self, answer: Answer, faults: Iterable[Fault | None] = ()) -> None:
        self.requests: list[Received] = []
        self._answer = answer
        self._faults = iter(faults)
        self._lock = Lock()
        self._closing = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _take(self, received: Received) -> Fault | None:
        with self._lock:
            self.requests.append(received)
            return next(self._faults, None)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mock = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fault = mock._take(
                    Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                )
                if self.path != "/v1/responses":
                    self._send(404, error("not_found"))
                elif fault in STATUSES:
                    self._send(*STATUSES[fault])
                elif fault in BODIES:
                    self._send(
                        200, BODIES[fault].encode(), {"Content-Type": "text/html"} if fault is Fault.HTML else {}
                    )
                elif fault in CONNECTIONS:
                    self._break(fault, response(body, mock._answer(body)))
                else:
                    self._send(200, response(body, mock._answer(body), fault))

            def _break(self, fault: Fault, whole: bytes) -> None:
                """Leave the answer unfinished, in the way of the fault."""
                self.close_connection = True
                if fault is Fault.TIMEOUT:
                    mock._closing.wait(60.0)
                if fault in (Fault.TIMEOUT, Fault.DISCONNECT):
                    return
                self._head(200, len(whole), {})
                if fault is Fault.TRUNCATED_BODY:
                    self.wfile.write(whole[: len(whole) // 2])
                    return
                for byte in whole:
                    if mock._closing.wait(0.05):
                        return
                    try:
                        self.wfile.write(bytes([byte]))
                    except OSError:
                        return

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

        return Handler


def error(code: str) -> bytes:
    return json.dumps({"error": {"message": "SERVER TEXT", "type": code, "param": None, "code": code}}).encode()


STATUSES: dict[Fault | None, tuple[int, bytes] | tuple[int, bytes, dict[str, str]]] = {
    Fault.RATE_LIMITED: (429, error("rate_limit_exceeded"), {"Retry-After": "1"}),
    Fault.RATE_LIMITED_FOR_LONG: (429, error("rate_limit_exceeded"), {"Retry-After": "3600"}),
    Fault.OUT_OF_QUOTA: (429, error("insufficient_quota")),
    Fault.SERVER_ERROR: (500, error("server_error")),
    Fault.OVERLOADED: (503, error("overloaded")),
    Fault.UNAUTHORIZED: (401, error("invalid_api_key")),
    Fault.BAD_REQUEST: (400, error("invalid_request_error")),
    Fault.REDIRECT: (307, b"{}", {"Location": "/v1/elsewhere"}),
}
BODIES: dict[Fault | None, str] = {
    Fault.HTML: "<!doctype html><title>SERVER TEXT</title>",
    Fault.EMPTY_OBJECT: "{}",
    Fault.NULL: "null",
    Fault.LIST: "[]",
    Fault.NOT_JSON: '{"id": "resp_',
}
CONNECTIONS = (Fault.TIMEOUT, Fault.DISCONNECT, Fault.TRUNCATED_BODY, Fault.SLOW_STREAM)
INCOMPLETE = {
    Fault.LENGTH: "max_output_tokens",
    Fault.LENGTH_AT_THE_END: "max_output_tokens",
    Fault.CONTENT_FILTER: "content_filter",
}
TEXTS = {
    Fault.SCHEMA_VIOLATION: '{"advice": "SERVER TEXT"}',
    Fault.EMPTY_ANSWER: "{}",
    Fault.APOLOGY: "I'm sorry, but I cannot assist with that request.",
}


def response(request: dict[str, Any], text: str, fault: Fault | None = None) -> bytes:
    """The body of a response (OpenAI API reference, the response object), with the answer's fault in it."""
    identifier = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:32]
    status = "incomplete" if fault in INCOMPLETE else "failed" if fault is Fault.FAILED else "completed"
    message = {
        "type": "message",
        "id": f"msg_{identifier}",
        "role": "assistant",
        "status": "incomplete" if fault in INCOMPLETE else "completed",
        "content": [_part(text, fault)],
    }
    content = {
        "id": f"resp_{identifier}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": {"code": "server_error", "message": "SERVER TEXT"} if fault is Fault.FAILED else None,
        "incomplete_details": {"reason": INCOMPLETE[fault]} if fault in INCOMPLETE else None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "model": request.get("model"),
        "output": [] if fault in (Fault.FAILED, Fault.NO_OUTPUT) else [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "text": request.get("text"),
        "usage": {
            "input_tokens": len(json.dumps(request)) // 4,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": len(text) // 4,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": len(json.dumps(request)) // 4 + len(text) // 4,
        },
    }
    return json.dumps(content).encode()


def _part(text: str, fault: Fault | None) -> dict[str, Any]:
    if fault is Fault.REFUSAL:
        return {"type": "refusal", "refusal": "SERVER TEXT"}
    if fault in (Fault.TRUNCATED_JSON, Fault.LENGTH, Fault.CONTENT_FILTER):
        text = text[: len(text) // 2]
    return {"type": "output_text", "text": TEXTS.get(fault, text) if fault else text, "annotations": []}
