"""The mock service as another program sees it: over HTTP alone, and through the client for what it says it serves."""

import json
import socket
import time
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from voicehive.reasoning.mock_service.faults import DESCRIPTIONS, Fault
from voicehive.reasoning.mock_service.server import UNREACHABLE_SECONDS, MockOpenAI

BODY: dict[str, Any] = {"model": "m", "input": "hello", "text": {"format": {"type": "json_schema", "schema": {}}}}


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    name: str
    addresses: list[Address]
    employed: bool
    home: Address | None


@pytest.fixture
def mock():
    with MockOpenAI() as serving:
        yield serving


def post(mock: MockOpenAI, body: dict[str, Any] = BODY, **headers: str) -> httpx.Response:
    return httpx.post(f"{mock.base_url}/responses", json=body, headers=headers, timeout=5.0)


def put(mock: MockOpenAI, plan: Any) -> httpx.Response:
    return httpx.put(mock.base_url.replace("/v1", "/mock/faults"), json=plan)


def test_equal_requests_get_equal_answers_byte_for_byte(mock: MockOpenAI):
    first, second = post(mock), post(mock)
    assert first.status_code == 200
    assert first.content == second.content
    assert post(mock, {**BODY, "input": "good-bye"}).json()["id"] != first.json()["id"]


def test_any_form_of_strict_structured_outputs_is_filled_in(mock: MockOpenAI):
    with openai.OpenAI(base_url=mock.base_url, api_key="mock", max_retries=0) as client:
        response = client.responses.parse(model="m", input="who?", text_format=Person)
    assert isinstance(response.output_parsed, Person)
    assert response.usage is not None
    assert response.usage.input_tokens > 0


def test_a_header_makes_one_request_fail(mock: MockOpenAI):
    assert post(mock, **{"X-Mock-Fault": "overloaded"}).status_code == 503
    limited = post(mock, **{"X-Mock-Fault": "rate-limited"})
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "1")
    assert post(mock, **{"X-Mock-Fault": "nonsense"}).status_code == 400
    assert post(mock).status_code == 200


def test_faults_are_planned_over_http(mock: MockOpenAI):
    planned = put(mock, {"queue": ["server-error", None], "standing": "html"})
    assert planned.json() == {"queue": ["server-error", None], "standing": "html"}
    assert [post(mock).status_code for _ in range(2)] == [500, 200]
    assert [post(mock).headers["content-type"] for _ in range(2)] == ["text/html"] * 2
    assert put(mock, {"queue": ["nonsense"]}).status_code == 400
    assert put(mock, [1]).status_code == 400
    put(mock, {})
    assert post(mock).json()["status"] == "completed"


def test_what_came_in_can_be_read(mock: MockOpenAI):
    post(mock)
    requests = httpx.get(mock.base_url.replace("/v1", "/mock/requests")).json()
    assert requests == [{"path": "/v1/responses", "body": BODY}]


def test_what_it_does_not_serve_is_refused(mock: MockOpenAI):
    assert httpx.post(f"{mock.base_url}/chat/completions", json=BODY).status_code == 404
    assert httpx.get(f"{mock.base_url}/models").status_code == 404
    assert httpx.post(f"{mock.base_url}/responses", content=b"{").status_code == 400
    assert httpx.post(f"{mock.base_url}/responses", json=[1]).status_code == 400
    # An input that is not what the form of a choice goes with.
    form = {"format": {"schema": {"properties": {"choice": {}, "doubt": {}, "explanation": {}}}}}
    assert post(mock, {"input": "no document", "text": form}).status_code == 400


def test_after_a_refused_connection_nobody_listens_for_a_while(mock: MockOpenAI):
    port = int(mock.base_url.split(":")[2].split("/")[0])
    with pytest.raises(httpx.TransportError):
        post(mock, **{"X-Mock-Fault": "refused-connection"})
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            break
    else:
        pytest.fail("somebody still listens")
    time.sleep(UNREACHABLE_SECONDS + 0.3)
    assert post(mock).status_code == 200


def test_it_ends_at_once_while_an_answer_is_outstanding():
    with MockOpenAI(standing=Fault.SLOW_STREAM) as mock:
        with httpx.stream("POST", f"{mock.base_url}/responses", json=BODY) as response:
            next(response.iter_raw(1))
        started = time.monotonic()
    assert time.monotonic() - started < 10.0


def test_every_fault_is_described_and_can_be_named():
    assert set(DESCRIPTIONS) == set(Fault)
    assert all(json.loads(json.dumps(fault)) == fault.value for fault in Fault)
