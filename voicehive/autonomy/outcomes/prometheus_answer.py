"""Prometheus' HTTP API: its questions as URLs, and its answers (prometheus.io/docs/prometheus/latest/querying/api)."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlencode

from pydantic import Field, TypeAdapter, ValidationError

from voicehive.autonomy.outcomes.errors import AnswerUnusable, SourceRefused, SourceUnavailable
from voicehive.autonomy.outcomes.points import finite
from voicehive.model import Model

Sample: TypeAlias = tuple[Annotated[float, Field(ge=0, le=1e11)], str]
"""A Unix time in seconds, and a number as text (which may be NaN, +Inf or -Inf)."""

_PASSING_ERRORS = frozenset({"timeout", "canceled", "unavailable", "internal"})


class _Series(Model):
    metric: dict[str, str]


class _VectorSeries(_Series):
    value: Sample


class _MatrixSeries(_Series):
    values: tuple[Sample, ...]


class _Vector(Model):
    kind: Literal["vector"] = Field(alias="resultType")
    result: tuple[_VectorSeries, ...]
    stats: Any = None


class _Scalar(Model):
    kind: Literal["scalar"] = Field(alias="resultType")
    result: Sample
    stats: Any = None


class _Matrix(Model):
    kind: Literal["matrix"] = Field(alias="resultType")
    result: tuple[_MatrixSeries, ...]
    stats: Any = None


class _Envelope(Model):
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


class _Success(_Envelope):
    status: Literal["success"]
    data: Annotated[_Vector | _Scalar | _Matrix, Field(discriminator="kind")]


class _Failure(_Envelope):
    status: Literal["error"]
    kind: str = Field(alias="errorType")
    error: str
    data: Any = None


_ANSWERS: TypeAdapter[_Success | _Failure] = TypeAdapter(
    Annotated[_Success | _Failure, Field(discriminator="status")],
)


def instant_url(base: str, query: str, at: datetime) -> str:
    """The URL that asks for an expression's value at a moment."""
    return f"{base.rstrip('/')}/api/v1/query?{urlencode({'query': query, 'time': _unix(at)})}"


def range_url(base: str, query: str, start: datetime, end: datetime, step_seconds: float) -> str:
    """The URL that asks for an expression's values from `start` to `end`, both included."""
    asked = {"query": query, "start": _unix(start), "end": _unix(end), "step": f"{step_seconds:g}"}
    return f"{base.rstrip('/')}/api/v1/query_range?{urlencode(asked)}"


def instant_value(body: str) -> float | None:
    """The value of an instant query; None where there is no series, or its value is no finite number.

    Raises:
        SourceUnavailable, SourceRefused: Prometheus says that it could not, or cannot, answer.
        AnswerUnusable: the answer has another form, or more than one series.
    """
    data = _data(body)
    if data.kind == "matrix":
        raise AnswerUnusable("the query gives a range of values; ask for an instant vector or a scalar")
    if data.kind == "scalar":
        return _number(data.result)
    _at_most_one(len(data.result))
    return _number(data.result[0].value) if data.result else None


def range_values(body: str) -> list[tuple[datetime, float | None]]:
    """The moments and values of a range query; none where there is no series.

    Raises:
        SourceUnavailable, SourceRefused, AnswerUnusable: as `instant_value`.
    """
    data = _data(body)
    if data.kind != "matrix":
        raise AnswerUnusable(f"the range query was answered with a {data.kind}; check the URL of Prometheus")
    _at_most_one(len(data.result))
    return [
        (datetime.fromtimestamp(sample[0], UTC), _number(sample)) for series in data.result for sample in series.values
    ]


def _data(body: str) -> _Vector | _Scalar | _Matrix:
    try:
        answer = _ANSWERS.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise AnswerUnusable(f"{where}: {first['msg']}; it begins with {body[:200]!r}") from None
    if isinstance(answer, _Success):
        return answer.data
    error = SourceUnavailable if answer.kind in _PASSING_ERRORS else SourceRefused
    raise error(f"{answer.kind}: {answer.error[:500]}")


def _at_most_one(series: int) -> None:
    if series > 1:
        raise AnswerUnusable(f"the query gives {series} series; aggregate them into one, by sum or avg for example")


def _number(sample: Sample) -> float | None:
    text = sample[1]
    try:
        return finite(float(text))
    except ValueError:
        raise AnswerUnusable(f"{text[:50]!r} is not a number") from None


def _unix(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"
