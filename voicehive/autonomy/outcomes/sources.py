"""Where a metric is read: a JSON document over HTTP, Prometheus, or the store. Models only; `reading` reads them."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from voicehive.model import Identifier, Model
from voicehive.outside_service import FRAMING_HEADERS, HeaderName, ServiceUrl, check_url, leaving_out

VARIABLE_PREFIX = "VOICEHIVE_OUTCOME_"
"""Environment variables that a watch may have sent: whoever runs the process chose them for that by their name."""


def variable_prefix(tenant: str) -> str:
    """How the variables begin that the tenant's watches may have sent, and no other tenant's.

    Small letters become capitals, and what is neither one nor a digit its code in hexadecimal: `acme` has
    `VOICEHIVE_OUTCOME_ACME__`, and `a-b` has `VOICEHIVE_OUTCOME_A_2DB__`. No two tenants share a prefix, nor is one the
    beginning of another.
    """
    plain = "abcdefghijklmnopqrstuvwxyz0123456789"
    return VARIABLE_PREFIX + "".join(c.upper() if c in plain else f"_{ord(c):02X}" for c in tenant) + "__"


def _check_base_url(url: str) -> str:
    if "?" in url or "#" in url:
        raise ValueError("must end before /api/v1, without a query or a fragment; put the PromQL into `query`")
    return check_url(url)


Header: TypeAlias = Annotated[HeaderName, AfterValidator(leaving_out(FRAMING_HEADERS, "reader"))]
Variable: TypeAlias = Annotated[str, Field(pattern=rf"^{VARIABLE_PREFIX}[A-Z0-9_]+__[A-Z0-9_]+$")]


class AskedOverHttp(Model):
    """How patiently a source is asked: so many attempts in all, each at most `timeout_seconds` long.

    Secrets never stand in a watch: `headers_from_environment` gives, for a header, the name of the environment variable
    that holds its value; that name begins as `variable_prefix` says of the tenant.
    """

    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    headers_from_environment: dict[Header, Variable] = {}


class HttpSource(AskedOverHttp):
    """A JSON document whose present value stands at a JSON Pointer (RFC 6901); `null` there means no value."""

    kind: Literal["http"]
    url: ServiceUrl
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
