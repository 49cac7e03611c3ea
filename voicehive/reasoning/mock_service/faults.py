"""Everything that can go wrong with a model's service, by name, and what the service sends then."""

import json
from enum import StrEnum


class Fault(StrEnum):
    """A fault; its value is its name on the wire and on the command line."""

    RATE_LIMITED = "rate-limited"
    RATE_LIMITED_FOR_LONG = "rate-limited-for-long"
    OUT_OF_QUOTA = "out-of-quota"
    SERVER_ERROR = "server-error"
    OVERLOADED = "overloaded"
    UNAUTHORIZED = "unauthorized"
    BAD_REQUEST = "bad-request"
    REDIRECT = "redirect"
    TIMEOUT = "timeout"
    DISCONNECT = "disconnect"
    REFUSED_CONNECTION = "refused-connection"
    TRUNCATED_BODY = "truncated-body"
    SLOW_STREAM = "slow-stream"
    HTML = "html"
    EMPTY_OBJECT = "empty-object"
    NULL = "null"
    LIST = "list"
    NOT_JSON = "not-json"
    TRUNCATED_JSON = "truncated-json"
    SCHEMA_VIOLATION = "schema-violation"
    EMPTY_ANSWER = "empty-answer"
    REFUSAL = "refusal"
    APOLOGY = "apology"
    LENGTH = "length"
    LENGTH_AT_THE_END = "length-at-the-end"
    CONTENT_FILTER = "content-filter"
    FAILED = "failed"
    NO_OUTPUT = "no-output"


DESCRIPTIONS = {
    Fault.RATE_LIMITED: "429 with Retry-After: 1",
    Fault.RATE_LIMITED_FOR_LONG: "429 with Retry-After: 3600",
    Fault.OUT_OF_QUOTA: "429 that waiting does not heal",
    Fault.SERVER_ERROR: "500",
    Fault.OVERLOADED: "503",
    Fault.UNAUTHORIZED: "401",
    Fault.BAD_REQUEST: "400",
    Fault.REDIRECT: "307 to another path",
    Fault.TIMEOUT: "no answer",
    Fault.DISCONNECT: "the connection closes without an answer",
    Fault.REFUSED_CONNECTION: "so does this one, and nobody listens for the next two seconds",
    Fault.TRUNCATED_BODY: "the body ends before its announced length",
    Fault.SLOW_STREAM: "a byte now and then, for ever",
    Fault.HTML: "an HTML page with status 200",
    Fault.EMPTY_OBJECT: "{} as the response",
    Fault.NULL: "null as the response",
    Fault.LIST: "[] as the response",
    Fault.NOT_JSON: "application/json that is none",
    Fault.TRUNCATED_JSON: "the answer's text ends in the middle",
    Fault.SCHEMA_VIOLATION: "the answer's text has another form",
    Fault.EMPTY_ANSWER: "{} as the answer's text",
    Fault.REFUSAL: "a refusal",
    Fault.APOLOGY: "a refusal in prose, as the answer's text",
    Fault.LENGTH: "cut off by max_output_tokens",
    Fault.LENGTH_AT_THE_END: "whole, but marked as cut off by max_output_tokens",
    Fault.CONTENT_FILTER: "cut off by the content filter",
    Fault.FAILED: "status failed, no output",
    Fault.NO_OUTPUT: "no output at all",
}

SERVER_TEXT = "SERVER TEXT"
"""Stands wherever a server may put words of its own, so that one can see where they end up."""


def error(code: str) -> bytes:
    """An error's body (OpenAI API reference, errors)."""
    return json.dumps({"error": {"message": SERVER_TEXT, "type": code, "param": None, "code": code}}).encode()


STATUSES: dict[Fault | None, tuple[int, bytes, dict[str, str]]] = {
    Fault.RATE_LIMITED: (429, error("rate_limit_exceeded"), {"Retry-After": "1"}),
    Fault.RATE_LIMITED_FOR_LONG: (429, error("rate_limit_exceeded"), {"Retry-After": "3600"}),
    Fault.OUT_OF_QUOTA: (429, error("insufficient_quota"), {}),
    Fault.SERVER_ERROR: (500, error("server_error"), {}),
    Fault.OVERLOADED: (503, error("overloaded"), {}),
    Fault.UNAUTHORIZED: (401, error("invalid_api_key"), {}),
    Fault.BAD_REQUEST: (400, error("invalid_request_error"), {}),
    Fault.REDIRECT: (307, b"{}", {"Location": "/v1/elsewhere"}),
}
BODIES: dict[Fault | None, tuple[bytes, dict[str, str]]] = {
    Fault.HTML: (f"<!doctype html><title>{SERVER_TEXT}</title>".encode(), {"Content-Type": "text/html"}),
    Fault.EMPTY_OBJECT: (b"{}", {}),
    Fault.NULL: (b"null", {}),
    Fault.LIST: (b"[]", {}),
    Fault.NOT_JSON: (b'{"id": "resp_', {}),
}
CONNECTIONS = frozenset(
    {Fault.TIMEOUT, Fault.DISCONNECT, Fault.REFUSED_CONNECTION, Fault.TRUNCATED_BODY, Fault.SLOW_STREAM}
)
