"""How models name a service outside: by its address, and by headers whose values only the environment holds."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter

FRAMING_HEADERS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "idempotency-key", "accept"}
)
"""What whoever sends a request sets itself."""

_URLS: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


def check_url(url: str) -> str:
    """See that it is an absolute HTTP address that holds no credentials.

    Raises:
        ValueError: it is none, or holds some.
    """
    parsed = _URLS.validate_python(url)
    if parsed.username or parsed.password:
        raise ValueError("must not hold a user name or password; send credentials by headers_from_environment")
    return url


def leaving_out(headers: frozenset[str], sender: str) -> Callable[[str], str]:
    """Make a check that refuses, as a ValueError, the headers that the sender sets itself."""

    def check(header: str) -> str:
        if header.lower() in headers:
            raise ValueError(f"{header} is set by the {sender} itself; leave it out")
        return header

    return check


ServiceUrl: TypeAlias = Annotated[str, AfterValidator(check_url)]
HeaderName: TypeAlias = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
