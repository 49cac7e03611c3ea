"""Where a metric is read: a JSON document over HTTP, Prometheus, or the store. Models only; `reading` reads them."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter

from voicehive.model import Identifier, Model

VARIABLE_PREFIX = "VOICEHIVE_OUTCOME_"
"""Environment variables that a watch may have sent: whoever runs the process chose them for that by their name."""

_OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "idempotency-key", "accept"}
)
_URLS: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


def _check_url(url: str) -> str:
    parsed = _URLS.validate_python(url)
    if parsed.username or parsed.password:
        raise ValueError("must not hold a user name or password; send credentials by headers_from_environment")
    return url


def _check_base_url(url: str) -> str:
    if "?" in url or "#" in url:
        raise ValueError("must end before /api/v1, without a query or a fragment; put the PromQL into `query`")
    return _check_url(url)


def _leave_framing_alone(header: str) -> str:
    if header.lower() in _OWN_HEADERS:
        raise ValueError(f"{header} is set by the reader itself; leave it out")
    return header


Header: TypeAlias = Annotated[
    str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"), AfterValidator(_leave_framing_alone)
]
Variable: TypeAlias = Annotated[str, Field(pattern=rf"^{VARIABLE_PREFIX}[A-Z0-9_]+$")]


class AskedOverHttp(Model):
    """How patiently a source is asked: so many attempts in all, each at most `timeout_seconds` long.

    Secrets never stand in a watch: `headers_from_environment` gives, for a header, the name of the environment variable
    that holds its value; that name begins with `VOICEHIVE_OUTCOME_`.
    """

    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    headers_from_environment: dict[Header, Variable] = {}


class HttpSource(AskedOverHttp):
    """A JSON document whose present value stands at a JSON Pointer (RFC 6901); `null` there means no value."""

    kind: Literal["http"]
    url: Annotated[str, AfterValidator(_check_url)]
    pointer: Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)*$", max_length=500)] = ""


class PrometheusSource(AskedOverHttp):
    """A PromQL expression that yields one series or a scalar, asked at `{url}/api/v1/query` and `.../query_range`."""

    kind: Literal["prometheus"]
    url: Annotated[str, AfterValidator(_check_base_url)]
    query: Annotated[str, Field(min_length=1, max_length=2_000)]


class StoreSource(Model):
    """A series of the tenant's own store."""

    kind: Literal["store"]
    series: Identifier


MetricSource: TypeAlias = Annotated[HttpSource | PrometheusSource | StoreSource, Field(discriminator="kind")]
