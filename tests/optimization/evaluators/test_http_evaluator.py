"""A real client against a real server, with the faults that servers have."""

import hashlib
import json
import os
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import ValidationError

from tests.execution.http_server import Answer, HttpServer, Received, http_server
from voicehive.optimization.errors import EvaluatorFailed, EvaluatorRefused
from voicehive.optimization.evaluators.http_evaluator import HttpEvaluator
from voicehive.optimization.evaluators.http_simulator import HttpSimulator

X = np.arange(7.0)
COLUMNS = {"x": X, "agents": np.arange(7), "tier": np.array(["a", "b"] * 3 + ["a"]), "on": X > 2}


@pytest.fixture
def server() -> Generator[HttpServer]:
    with http_server() as server:
        server.answer = simulate
        yield server


def simulate(received: Received) -> Answer:
    parameters = received.json["parameters"]
    rows = list(zip(parameters["x"], parameters["agents"], parameters["on"], strict=True))
    cost = [x + 10 * agents if on else None for x, agents, on in rows]
    return 200, json.dumps({"outcomes": {"cost": cost, "wait": parameters["agents"]}}).encode()


def simulator(url: str, /, **more: Any) -> HttpSimulator:
    return HttpSimulator.model_validate({"kind": "http", "url": f"{url}/run", "outcomes": ("cost", "wait")} | more)


def after(*faults: Answer) -> Any:
    left = list(faults)
    return lambda received: left.pop(0) if left else simulate(received)


def test_a_population_is_asked_for_in_batches_and_null_is_nan(server: HttpServer):
    outcomes = HttpEvaluator(simulator(server.url, batch_size=3)).evaluate(COLUMNS)
    assert np.array_equal(outcomes["cost"], np.where(X > 2, 11 * X, np.nan), equal_nan=True)
    assert outcomes["wait"].tolist() == X.tolist()
    assert [one.json["parameters"]["agents"] for one in server.received] == [[0, 1, 2], [3, 4, 5], [6]]
    first = server.received[0]
    assert first.json["parameters"]["tier"] == ["a", "b", "a"]
    assert first.json["parameters"]["on"] == [False, False, False]
    assert first.json["outcomes"] == ["cost", "wait"]
    assert (first.method, first.path, first.headers["content-type"]) == ("POST", "/run", "application/json")


def test_the_key_is_the_bodys_digest_and_stays_over_retries(server: HttpServer):
    server.answer = after((500, b"oops"), (503, b"busy"))
    HttpEvaluator(simulator(server.url)).evaluate(COLUMNS)
    body = json.dumps(server.received[0].json, sort_keys=True, separators=(",", ":")).encode()
    assert [key for *_, key in server.sent()] == [hashlib.sha256(body).hexdigest()] * 3


@pytest.mark.parametrize("form", ["number", "date"])
def test_a_server_that_says_when_is_asked_again_then(server: HttpServer, form: str):
    moment = datetime.now(UTC) + timedelta(seconds=3)
    asked = "1" if form == "number" else format_datetime(moment, usegmt=True)
    server.answer = after((429, b"", {"Retry-After": asked}))
    started = time.monotonic()
    assert HttpEvaluator(simulator(server.url)).evaluate(COLUMNS)["wait"].tolist() == X.tolist()
    assert 1.0 <= time.monotonic() - started < 20.0
    assert len(server.received) == 2


def test_a_server_that_wants_more_patience_than_the_bound_has_failed_for_now(server: HttpServer):
    server.answer = after((503, b"maintenance", {"Retry-After": "3600"}))
    with pytest.raises(EvaluatorFailed, match="answered 503: maintenance"):
        HttpEvaluator(simulator(server.url)).evaluate(COLUMNS)
    assert len(server.received) == 1


def test_a_page_of_markup_is_told_as_its_text(server: HttpServer):
    page = "<html><head><style>p {color: red}</style></head>\n<body><p class='x'>Out of\tmemory\x1b[2J</p>"
    server.answer = lambda _: (500, page.encode() + b"<br>" * 5_000)
    with pytest.raises(EvaluatorFailed, match=r"answered 500: Out of memory \[2J \(attempts allowed: 2\)"):
        HttpEvaluator(simulator(server.url, attempts=2)).evaluate(COLUMNS)
    server.answer = lambda _: (400, b"no " * 1_000)
    with pytest.raises(EvaluatorRefused, match=r"answered 400: (no ){66}no\.\.\.$"):
        HttpEvaluator(simulator(server.url)).evaluate(COLUMNS)


def test_attempts_are_bounded(server: HttpServer):
    server.answer = lambda _: (500, b"oops")
    with pytest.raises(EvaluatorFailed, match=r"/run: answered 500: oops \(attempts allowed: 2\)"):
        HttpEvaluator(simulator(server.url, attempts=2)).evaluate(COLUMNS)
    assert len(server.received) == 2


def test_no_answer_in_time_is_a_failure(server: HttpServer):
    def slow(_: Received) -> Answer:
        time.sleep(0.6)
        return 200, b"{}"

    server.answer = slow
    with pytest.raises(EvaluatorFailed, match=r"no answer within 0\.2 s"):
        HttpEvaluator(simulator(server.url, timeout_seconds=0.2, attempts=1)).evaluate(COLUMNS)


def test_a_refused_connection_is_a_failure():
    with http_server() as gone:
        url = gone.url
    with pytest.raises(EvaluatorFailed, match=f"POST {url}/run: .*refused"):
        HttpEvaluator(simulator(url, attempts=2)).evaluate(COLUMNS)


def answer_with(**outcomes: Any) -> bytes:
    return json.dumps({"outcomes": outcomes}).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>It works!</html>", "the whole: Invalid JSON.*begins with '<html>It works!</html>'"),
        (answer_with(cost=[1] * 7, wait=[1] * 6), r"outcome 'wait' has shape \(6,\); for 7 candidates"),
        (answer_with(cost=[1] * 7), r"misses \['wait'\]"),
        (answer_with(cost=[1] * 7, wait=[1] * 7, more=[1] * 7), "has 'more' besides"),
        (answer_with(cost=[1] * 7, wait=["1"] + [1] * 6), "outcomes.wait.0: Input should be a valid number"),
        (answer_with(cost=[1] * 7, wait=[True] + [1] * 6), "outcomes.wait.0: Input should be a valid number"),
        (answer_with(cost=[1] * 7, wait=[float("inf")] * 7), "outcomes.wait.0: Input should be a finite number"),
        (b'{"outcomes": {"cost": [1e999]}}', "outcomes.cost.0: Input should be a finite number"),
        (b'{"results": {}}', "outcomes: Field required"),
        (b"[" * 5000, "not as agreed"),
        (b" " * 200_000, "longer than 66432 bytes"),
        (b"", "not as agreed"),
    ],
)
def test_an_answer_of_another_shape_is_refused_at_once(server: HttpServer, content: bytes, message: str):
    server.answer = lambda _: (200, content)
    with pytest.raises(EvaluatorRefused, match=message):
        HttpEvaluator(simulator(server.url)).evaluate(COLUMNS)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, b"no such model"), "answered 404: no such model"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), "redirects are not followed; .*http://127.0.0.1:1/"),
        ((204, b""), "answered 204"),
    ],
)
def test_a_status_that_would_come_again_is_refused_at_once(server: HttpServer, answer: Answer, message: str):
    server.answer = lambda _: answer
    with pytest.raises(EvaluatorRefused, match=message):
        HttpEvaluator(simulator(server.url)).evaluate(COLUMNS)
    assert len(server.received) == 1


def test_secrets_come_from_the_environment_and_never_reach_a_message(server: HttpServer):
    described = simulator(server.url, headers_from_environment={"Authorization": "VOICEHIVE_EVALUATOR_TOKEN"})
    evaluator = HttpEvaluator(described, environment={"VOICEHIVE_EVALUATOR_TOKEN": "Bearer s3cret"})
    evaluator.evaluate(COLUMNS)
    assert server.received[0].headers["authorization"] == "Bearer s3cret"
    server.answer = lambda received: (401, f"bad {received.headers['authorization']}".encode())
    with pytest.raises(EvaluatorRefused, match=r"answered 401: bad \*\*\*$"):
        evaluator.evaluate(COLUMNS)
    for value, message in ((None, "is not set"), ("a\r\nb", "holds no header's value")):
        environment = {} if value is None else {"VOICEHIVE_EVALUATOR_TOKEN": value}
        with pytest.raises(EvaluatorRefused, match=f"header Authorization: .*TOKEN {message}"):
            HttpEvaluator(described, environment=environment)


def test_the_connection_goes_to_the_address_that_was_checked(server: HttpServer):
    asked: list[httpx.URL] = []

    def addresses(url: httpx.URL) -> list[str]:
        asked.append(url)
        return ["127.0.0.2", "127.0.0.1"]  # nothing listens at the first

    evaluator = HttpEvaluator(simulator(f"http://simulator.invalid:{server.port}"), addresses=addresses)
    server.answer = after((500, b""))
    assert evaluator.evaluate(COLUMNS)["wait"].tolist() == X.tolist()
    assert [url.host for url in asked] == ["simulator.invalid"] * 2
    assert {one.headers["host"] for one in server.received} == {f"simulator.invalid:{server.port}"}


def test_nothing_is_sent_where_the_host_is_not_allowed(server: HttpServer):
    def addresses(url: httpx.URL) -> list[str]:
        raise EvaluatorRefused(f"host {url.host} is not allowed")

    with pytest.raises(EvaluatorRefused, match=r"host 127\.0\.0\.1 is not allowed"):
        HttpEvaluator(simulator(server.url), addresses=addresses).evaluate(COLUMNS)
    assert not server.received


def test_a_name_that_cannot_be_resolved_now_is_tried_again(server: HttpServer):
    answers: list[Any] = [EvaluatorFailed("no name server answers"), ["127.0.0.1"]]

    def addresses(_: httpx.URL) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert HttpEvaluator(simulator(server.url), addresses=addresses).evaluate(COLUMNS)["wait"].tolist() == X.tolist()


@pytest.mark.parametrize("proxied", ["HTTP_PROXY", "ALL_PROXY"])
def test_no_proxy_is_taken_from_the_environment(server: HttpServer, monkeypatch: pytest.MonkeyPatch, proxied: str):
    monkeypatch.setitem(os.environ, proxied, "http://127.0.0.1:1")
    assert HttpEvaluator(simulator(server.url, attempts=1)).evaluate(COLUMNS)["wait"].tolist() == X.tolist()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"url": "ftp://host/"}, "URL scheme should be 'http' or 'https'"),
        ({"url": "/run"}, "relative URL without a base"),
        ({"url": "http://me:secret@host/"}, "must not hold a user name or password"),
        ({"outcomes": ()}, "outcomes"),
        ({"headers_from_environment": {"Authorization": "DATABASE_URL"}}, "headers_from_environment.Authorization"),
        ({"headers_from_environment": {"Host": "VOICEHIVE_EVALUATOR_X"}}, "Host is set by the evaluator itself"),
        ({"headers_from_environment": {"a b": "VOICEHIVE_EVALUATOR_X"}}, "headers_from_environment"),
        ({"attempts": 11}, "attempts"),
    ],
)
def test_a_description_that_cannot_work_is_refused(more: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message) as refusal:
        simulator("http://host", **more)
    assert refusal.value.error_count() == 1
