"""OpenAI's own client, as it is used here: set up without retries, and its errors in our words.

`openai` is loaded when a model is first asked.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from voicehive.reasoning.errors import AnswerUnusable, ModelUnavailable, ReasoningError
from voicehive.reasoning.language_model import Answer, LanguageModel
from voicehive.reasoning.model_request import ModelRequest

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.responses import ParsedResponse

JITTER_SECONDS = 0.5

# RFC 9110 15.5.9 (408), RFC 6585 section 4 (429): the client may repeat the request. 409: OpenAI's lock time-outs.
_RETRYABLE_STATUSES = frozenset({408, 409, 429})
_OUT_OF_MONEY = "insufficient_quota"
_STRANGE = "not a response of this API ({})"


@asynccontextmanager
async def new_client(model: LanguageModel) -> AsyncGenerator["AsyncOpenAI"]:
    """A client that does not retry by itself and follows no redirect: the content goes to the configured host only."""
    import openai  # noqa: PLC0415

    try:
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False)
        client = openai.AsyncOpenAI(
            base_url=model.base_url, timeout=model.timeout_seconds, max_retries=0, http_client=http
        )
    except openai.OpenAIError as error:
        raise ModelUnavailable("no key; set the environment variable OPENAI_API_KEY") from error
    except Exception as error:
        # The client reads proxies, certificates and more from the environment, each with faults of its own.
        raise ModelUnavailable(f"the client cannot be set up ({type(error).__name__}); check its variables") from error
    async with client:
        yield client


async def send(client: "AsyncOpenAI", request: ModelRequest[Any]) -> Any:
    """Send the request; returns the raw response, its body read to the end."""
    with _client_faults():
        return await client.responses.with_raw_response.parse(
            model=request.model.name,
            instructions=request.instructions,
            input=request.content,
            text_format=request.form,
            max_output_tokens=request.model.maximum_output_tokens,
            store=False,
        )


def read(raw: Any, form: type[Answer]) -> Answer:
    """The answer in a response.

    Raises:
        AnswerUnusable: it is none, or not whole.
    """
    with _client_faults():
        return _answer(raw.parse(), form)


def pause(error: Exception, ends: float) -> bool | float:
    """Whether to try again after this error: no, yes after the usual wait, or yes after so many seconds."""
    import openai  # noqa: PLC0415

    if not isinstance(error, openai.APIStatusError):
        return isinstance(error, openai.APIConnectionError | TimeoutError)
    if error.code == _OUT_OF_MONEY or not (error.status_code >= 500 or error.status_code in _RETRYABLE_STATUSES):
        return False
    asked = _retry_after(error.response.headers)
    if asked is None:
        return True
    wait = asked + random.uniform(0.0, JITTER_SECONDS)
    return wait if asyncio.get_running_loop().time() + wait < ends else False


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdecimal() else None


def told(error: BaseException, model: LanguageModel) -> ReasoningError:
    """The error in our own words, which repeat nothing of the server's."""
    import openai  # noqa: PLC0415

    match error:
        case ReasoningError():
            return error
        case openai.APIStatusError():
            return ModelUnavailable(f"the server answered {error.status_code}")
        case openai.APITimeoutError() | TimeoutError():
            return ModelUnavailable(f"no answer within {model.timeout_seconds:g} s")
        case openai.APIConnectionError():
            return ModelUnavailable("no connection, or it broke off")
        case asyncio.CancelledError():
            return ModelUnavailable("no answer before the time was up")
        case _:
            return AnswerUnusable(_STRANGE.format(type(error).__name__))


@contextmanager
def _client_faults() -> Generator[None]:
    """The client takes apart whatever a server sends and has no error of its own for what it did not expect."""
    import openai  # noqa: PLC0415

    try:
        yield
    except (openai.OpenAIError, ReasoningError):
        raise
    except ValidationError as error:
        raise AnswerUnusable("cut off, or not of the agreed form") from error
    except Exception as error:
        raise AnswerUnusable(_STRANGE.format(type(error).__name__)) from error


def _answer(response: "ParsedResponse[Answer]", form: type[Answer]) -> Answer:
    if response.status not in (None, "completed"):
        details = response.incomplete_details
        length = details is not None and details.reason == "max_output_tokens"
        raise AnswerUnusable("broke off at the limit of maximum_output_tokens" if length else "broke off")
    answer = response.output_parsed
    if isinstance(answer, form):
        return answer
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    if any(part.type == "refusal" for part in parts):
        raise AnswerUnusable("refused")
    raise AnswerUnusable("empty")
