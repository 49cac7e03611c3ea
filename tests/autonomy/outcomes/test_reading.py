import json
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.autonomy.outcomes.watches import SERIES, metric, minute, watch
from tests.execution.http_server import Answer, HttpServer, Received, http_server
from voicehive.autonomy.outcomes.errors import AnswerUnusable, HistoryUnavailable, SourceRefused, SourceUnavailable
from voicehive.autonomy.outcomes.json_pointer import resolve_pointer
from voicehive.autonomy.outcomes.reading import History, MetricReader
from voicehive.autonomy.outcomes.sources import HttpSource, PrometheusSource, variable_prefix
from voicehive.execution.outbound_http import create_client

MINUTE = timedelta(minutes=1)
# The examples of prometheus.io/docs/prometheus/latest/querying/api, reduced to one series.
VECTOR = {"metric": {"__name__": "up", "job": "prometheus"}, "value": [1435781451.781, "1"]}
MATRIX = {
    "metric": {"__name__": "up", "job": "prometheus", "instance": "localhost:9090"},
    "values": [[1435781430.781, "1"], [1435781445.781, "NaN"], [1435781460.781, "+Inf"], [1435781475.781, "0.25"]],
}


@pytest.fixture
def server() -> Generator[HttpServer]:
    with http_server() as running:
        yield running


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    async with create_client() as made:
        yield made


@pytest.fixture
def reader(client: httpx.AsyncClient, server: HttpServer) -> MetricReader:
    return MetricReader(client, (server.host,))


def answers(kind: str, result: Any, **more: Any) -> Answer:
    return 200, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def prometheus(server: HttpServer, **changes: Any) -> PrometheusSource:
    return PrometheusSource(kind="prometheus", url=f"{server.url}/team/", query='avg(up{job="a b"})', **changes)


def document(server: HttpServer, pointer: str = "/a/1", **changes: Any) -> HttpSource:
    return HttpSource(kind="http", url=f"{server.url}/metrics", pointer=pointer, **changes)


async def test_prometheus_is_asked_for_a_moment(reader: MetricReader, server: HttpServer):
    server.answer = lambda _: answers("vector", [VECTOR], warnings=["one store is away"], infos=["hint"])
    assert await reader.read_value(prometheus(server), minute(0), MINUTE) == 1
    asked = urlsplit(server.received[0].path)
    assert asked.path == "/team/api/v1/query"
    assert parse_qs(asked.query) == {"query": ['avg(up{job="a b"})'], "time": [f"{minute(0).timestamp():.3f}"]}


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf", "1e300"])
async def test_what_is_no_measurement_is_missing(reader: MetricReader, server: HttpServer, text: str):
    server.answer = lambda _: answers("scalar", [1435781451.781, text])
    assert await reader.read_value(prometheus(server), minute(0), MINUTE) is None


async def test_no_series_is_no_value(reader: MetricReader, server: HttpServer):
    server.answer = lambda _: answers("vector", [])
    assert await reader.read_value(prometheus(server), minute(0), MINUTE) is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (answers("vector", [VECTOR, VECTOR]), "2 series; aggregate"),
        (answers("matrix", [MATRIX]), "range of values"),
        (answers("string", [1435781451.781, "x"]), "begins with"),
        (answers("scalar", [1435781451.781, "one"]), "'one' is not a number"),
        (answers("scalar", [1435781451.781, 1.0]), "should be a valid string"),
        (answers("vector", [VECTOR | {"histogram": []}]), "histogram"),
        (answers("vector", [VECTOR], surprise=1), "surprise"),
        ((200, b'{"status": "success"'), "begins with"),
        ((200, b"<html>"), "begins with"),
        ((200, b" " * 5_000), "more than 4096 bytes"),
    ],
)
async def test_an_answer_in_another_form_is_refused(
    reader: MetricReader, server: HttpServer, answer: Answer, message: str
):
    server.answer = lambda _: answer
    with pytest.raises(AnswerUnusable, match=message):
        await reader.read_value(prometheus(server), minute(0), MINUTE)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [(400, "bad_data", SourceRefused), (200, "bad_data", SourceRefused), (200, "timeout", SourceUnavailable)],
)
async def test_errors_of_prometheus_are_told_apart(
    reader: MetricReader, server: HttpServer, status: int, kind: str, error: type[Exception]
):
    body = json.dumps({"status": "error", "errorType": kind, "error": "parse error at char 3"}).encode()
    server.answer = lambda _: (status, body)
    with pytest.raises(error, match="parse error at char 3"):
        await reader.read_value(prometheus(server), minute(0), MINUTE)


async def test_a_source_that_fails_is_asked_again_but_not_for_ever(reader: MetricReader, server: HttpServer):
    replies: list[Answer] = [(503, b"later"), answers("scalar", [1.0, "2.5"])]
    server.answer = lambda _: replies.pop(0)
    assert await reader.read_value(prometheus(server), minute(0), MINUTE) == 2.5
    server.answer = lambda _: (500, b"broken")
    with pytest.raises(SourceUnavailable, match="answered 500: broken"):
        await reader.read_value(prometheus(server, attempts=2), minute(0), MINUTE)
    assert len(server.received) == 4


async def test_a_source_that_does_not_answer_in_time_is_unavailable(client: httpx.AsyncClient, server: HttpServer):
    import time

    def slow(_: Received) -> Answer:
        time.sleep(0.5)
        return 200, b"1"

    server.answer = slow
    reader = MetricReader(client, (server.host,))
    with pytest.raises(SourceUnavailable, match=r"no answer within 0\.1 s"):
        await reader.read_value(document(server, "", timeout_seconds=0.1, attempts=1), minute(0), MINUTE)


async def test_a_host_that_is_not_allowed_is_not_asked(client: httpx.AsyncClient, server: HttpServer):
    with pytest.raises(SourceRefused, match="not among the hosts"):
        await MetricReader(client, ("example.com",)).read_value(document(server), minute(0), MINUTE)
    assert not server.received


@pytest.mark.parametrize(
    ("pointer", "value"), [("/a/1", 2.5), ("/m~1n", 8.0), ("/i~0j", 7.0), ("/a/2", None), ("/big", None)]
)
async def test_a_document_is_read_at_its_pointer(
    reader: MetricReader, server: HttpServer, pointer: str, value: float | None
):
    server.answer = lambda _: (200, b'{"a": [1, 2.5, null], "m/n": 8, "i~j": 7, "big": 1' + b"0" * 400 + b"}")
    assert await reader.read_value(document(server, pointer), minute(0), MINUTE) == value


# RFC 6901, section 5.
def test_pointers_of_the_standard():
    content: Any = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8, " ": 7}
    expected = {
        "": content,
        "/foo": ["bar", "baz"],
        "/foo/0": "bar",
        "/": 0,
        "/a~1b": 1,
        "/c%d": 2,
        "/m~0n": 8,
        "/ ": 7,
    }
    assert {pointer: resolve_pointer(content, pointer) for pointer in expected} == expected
    for nothing in ("/foo/2", "/foo/01", "/foo/-", "/foo/bar", "/x", "/foo/0/0"):
        with pytest.raises(LookupError):
            resolve_pointer(content, nothing)


@pytest.mark.parametrize(
    ("body", "pointer", "message"),
    [
        (b'{"a": {}}', "/a/1", "there is no '1'"),
        (b'{"a": [1, "2"]}', "/a/1", "'2' is not a number"),
        (b'{"a": [1, true]}', "/a/1", "True is not a number"),
        (b"<html>", "", "did not answer with JSON"),
    ],
)
async def test_a_document_without_the_number_is_refused(
    reader: MetricReader, server: HttpServer, body: bytes, pointer: str, message: str
):
    server.answer = lambda _: (200, body)
    with pytest.raises(AnswerUnusable, match=message):
        await reader.read_value(document(server, pointer), minute(0), MINUTE)


async def test_secrets_are_sent_and_not_shown(client: httpx.AsyncClient, server: HttpServer):
    server.answer = lambda received: (403, f"no {received.headers['authorization']}".encode())
    source = document(server, headers_from_environment={"Authorization": "VOICEHIVE_OUTCOME_DEFAULT__TOKEN"})
    reader = MetricReader(client, (server.host,), environment={"VOICEHIVE_OUTCOME_DEFAULT__TOKEN": "Bearer s3cret"})
    with pytest.raises(SourceRefused, match=r"no \*\*\*") as caught:
        await reader.read_value(source, minute(0), MINUTE)
    assert "s3cret" not in str(caught.value)
    assert server.received[0].headers["authorization"] == "Bearer s3cret"
    for environment, message in (
        ({}, "is not set"),
        ({"VOICEHIVE_OUTCOME_DEFAULT__TOKEN": "s3cret\n"}, "no header's value"),
    ):
        with pytest.raises(SourceRefused, match=message) as caught:
            await MetricReader(client, (server.host,), environment=environment).read_value(source, minute(0), MINUTE)
        assert "s3cret" not in str(caught.value)


async def test_a_range_is_read_with_its_gaps(reader: MetricReader, server: HttpServer):
    server.answer = lambda _: answers("matrix", [MATRIX])
    start = datetime.fromtimestamp(1435781430.781, UTC)
    step = timedelta(seconds=15)
    history = await reader.read_history(prometheus(server), start, start + 3 * step, step)
    assert [value for _, value in history] == [1, None, None, 0.25]
    assert history[1][0] - history[0][0] == step
    server.answer = lambda _: answers("vector", [VECTOR])
    with pytest.raises(AnswerUnusable, match="answered with a vector"):
        await reader.read_history(prometheus(server), start, start, step)


def serve_ranges(received: Received) -> Answer:
    """A Prometheus whose series has, at each asked moment, the minute of the hour; long labels, long numbers."""
    asked = {name: value[0] for name, value in parse_qs(urlsplit(received.path).query).items()}
    start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
    moments = [start + step * number for number in range(round((end - start) / step) + 1)]
    values = [[at, f"{(at // 60) % 60 + 1 / 3:.17g}"] for at in moments]
    return answers("matrix", [{"metric": {"label": "x" * 500}, "values": values}])


async def test_a_long_baseline_is_read_in_pieces(reader: MetricReader, server: HttpServer):
    server.answer = serve_ranges
    source = prometheus(server)
    declared = watch(metric(baseline=(), source=source), baseline_period=timedelta(minutes=150))
    baseline = await reader.read_baseline(declared, declared.metrics[0], minute(0))
    assert baseline == pytest.approx([(number - 150) % 60 + 1 / 3 for number in range(150)])
    assert len(server.received) > 1
    canary = watch(metric(baseline=(), source=source, control=source), baseline_period=timedelta(minutes=30))
    assert await reader.read_baseline(canary, canary.metrics[0], minute(0)) == [0.0] * 30
    assert await reader.read_baseline(watch(), watch().metrics[0], minute(0)) == []


async def test_a_document_has_no_history(reader: MetricReader, server: HttpServer):
    with pytest.raises(HistoryUnavailable):
        await reader.read_history(document(server), minute(0), minute(1), MINUTE)


class SeriesInMemory:
    def __init__(self, points: History) -> None:
        self.points = points

    async def read_series(self, series: str, start: datetime, end: datetime) -> History:
        assert series == "answer_time"
        return [(at, value) for at, value in self.points if start <= at <= end]


async def test_the_store_is_read_by_intervals(client: httpx.AsyncClient):
    points: History = [(minute(at), float(at)) for at in (-2.9, -2.1, -1.5, 0.5, 2.5)]
    reader = MetricReader(client, (), SeriesInMemory(points))
    assert await reader.read_value(SERIES, minute(1), MINUTE) == 0.5
    assert await reader.read_value(SERIES, minute(2), MINUTE) is None
    declared = watch(metric(baseline=()), baseline_period=timedelta(minutes=3))
    assert await reader.read_baseline(declared, declared.metrics[0], minute(0)) == [-2.1, -1.5]
    with pytest.raises(SourceRefused, match="no store of series"):
        await MetricReader(client, ()).read_value(SERIES, minute(1), MINUTE)


async def test_a_point_holds_canary_and_control(reader: MetricReader, server: HttpServer):
    server.answer = lambda received: (200, b"[1.5]" if received.path == "/metrics" else b"[2.5]")
    control = HttpSource(kind="http", url=f"{server.url}/rest", pointer="/0")
    declared = watch(metric(baseline=(), source=document(server, "/0"), control=control))
    point = await reader.read_point(declared, declared.metrics[0], minute(3))
    assert (point.value, point.control, point.at) == (1.5, 2.5, minute(3))


@pytest.mark.parametrize("tenant", ["other", "a.b", "A", "a_b", "a-b", "def"])
async def test_no_tenants_watch_is_given_anothers_secret(
    server: HttpServer, client: httpx.AsyncClient, tenant: str
) -> None:
    variables = [f"{variable_prefix(each)}TOKEN" for each in ("default", "other", "a.b", "A", "a_b", "a-b", "def", "a")]
    assert len({*variables}) == len(variables)
    environment = dict.fromkeys(variables, "Bearer s3cret")
    server.answer = lambda _: (200, b'{"a": [0, 1]}')
    reader = MetricReader(client, (server.host,), tenant=tenant, environment=environment)
    for variable in variables:
        source = document(server, headers_from_environment={"Authorization": variable})
        if variable == f"{variable_prefix(tenant)}TOKEN":
            await reader.read_value(source, minute(0), MINUTE)
        else:
            with pytest.raises(SourceRefused, match="begin with"):
                await reader.read_value(source, minute(0), MINUTE)
    assert len(server.received) == 1
