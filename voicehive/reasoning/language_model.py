"""Asks a language model behind OpenAI's Responses API, or a compatible one, for an answer of a given form.

`openai` and `stamina` are loaded when a model is first asked; what needs no model works without them.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from functools import partial
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError

from voicehive.model import Model
from voicehive.reasoning.errors import AnswerUnusable, ModelUnavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.responses import ParsedResponse

Answer = TypeVar("Answer", bound=Model)
_Result = TypeVar("_Result")

# RFC 9110 15.5.9 (408), RFC 6585 section 4 (429): the client may repeat the request. 409: OpenAI's lock time-outs.
_RETRYABLE_STATUSES = frozenset({408, 409, 429})
_OUT_OF_MONEY = "insufficient_quota"
_STRANGE = "not a response of this API ({})"
_GRACE_SECONDS = 0.5
_JITTER_SECONDS = 0.5


def _base_url(url: str) -> str:
    parsed = urlsplit(url)
    if parsed.scheme not in ("http", "https") or not parsed.hostname:
        raise ValueError("must be an absolute URL that starts with https:// or http://")
    if parsed.username is not None or parsed.password is not None:
        raise ValueError("must not hold a user name or password; set the environment variable OPENAI_API_KEY instead")
    return url


class LanguageModel(Model):
    """Which model is asked, where, and how long it may take.

    `base_url` None means the environment variable OPENAI_BASE_URL, or else OpenAI's own service. The key is read from
    OPENAI_API_KEY by the client itself and stands nowhere else. One attempt may take `timeout_seconds`, all `attempts`
    with the waits between them `total_seconds`, in which a process's first asking also loads the client (a second or
    two). `maximum_output_tokens` includes what a model spends on thinking.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}$")]
    base_url: Annotated[str, AfterValidator(_base_url)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    total_seconds: Annotated[float, Field(gt=0, le=600)] = 45.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    maximum_output_tokens: Annotated[int, Field(ge=16, le=100_000)] = 4096


async def ask(model: LanguageModel, instructions: str, content: str, form: type[Answer]) -> Answer:
    """Ask once, repeated where that may help: too many requests, a server's fault, no connection, no answer in time.

    Retry-After (RFC 9110 section 10.2.3, in seconds) is honoured where it ends within `total_seconds`; otherwise the
    model counts as unavailable at once. httpx bounds each read, not their sum; the whole is bounded here, so that an
    answer that trickles in ends in time too.

    Raises:
        ModelUnavailable: the `openai` package or its key is missing, the server cannot be reached, refused the request,
            or gave no answer in time.
        AnswerUnusable: the answer is not of the form asked for.
    """
    for package in ("openai", "stamina"):
        if find_spec(package) is None:
            raise ModelUnavailable(f"the package {package} is not installed; install the extra 'reasoning'")
    ends = asyncio.get_running_loop().time() + model.total_seconds
    try:
        async with asyncio.timeout_at(ends), _client(model) as client:
            return await _ask_again(model, ends, partial(_ask_once, client, model, instructions, content, form))
    except TimeoutError as error:
        raise ModelUnavailable(f"no answer within {model.total_seconds:g} s") from error


def ask_and_wait(model: LanguageModel, instructions: str, content: str, form: type[Answer]) -> Answer:
    """Do as `ask` does from a thread that has no event loop, or that must not wait for its own.

    The asking has a thread and a loop to itself: only so can all of it be cancelled in time. The thread is left behind
    half a second after `total_seconds`, should a name's resolution hang, which nothing can cancel.
    """
    try:
        return _run_apart(lambda: ask(model, instructions, content, form), model.total_seconds + _GRACE_SECONDS)
    except TimeoutError as error:
        raise ModelUnavailable(f"no answer within {model.total_seconds:g} s") from error


def _run_apart(start: Callable[[], Coroutine[Any, Any, _Result]], seconds: float) -> _Result:
    future: Future[_Result] = Future()

    def run() -> None:
        # Whatever it is, it is raised again in the thread that waits.
        try:
            future.set_result(asyncio.run(start()))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="language-model", daemon=True).start()
    return future.result(seconds)


def _client(model: LanguageModel) -> "AsyncOpenAI":
    """A client that does not retry by itself and follows no redirect: the content goes to the configured host only."""
    import openai  # noqa: PLC0415

    try:
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False)
        return openai.AsyncOpenAI(
            base_url=model.base_url, timeout=model.timeout_seconds, max_retries=0, http_client=http
        )
    except openai.OpenAIError as error:
        raise ModelUnavailable("no key; set the environment variable OPENAI_API_KEY") from error
    except Exception as error:
        # The client reads proxies, certificates and more from the environment, each with faults of its own.
        raise ModelUnavailable(f"the client cannot be set up ({type(error).__name__}); check its variables") from error


async def _ask_again(model: LanguageModel, ends: float, once: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    import openai  # noqa: PLC0415
    import stamina  # noqa: PLC0415

    # Without arguments and inside this function, so that the log of retries shows nothing of what was asked.
    @stamina.retry(
        on=partial(_pause, ends=ends),
        attempts=model.attempts,
        timeout=model.total_seconds,
        wait_initial=0.2,
        wait_max=5.0,
        wait_jitter=_JITTER_SECONDS,
    )
    async def attempt() -> Answer:
        return await once()

    try:
        return await attempt()
    except openai.APIStatusError as error:
        raise ModelUnavailable(f"the server answered {error.status_code}") from error
    except openai.APITimeoutError as error:
        raise ModelUnavailable(f"no answer within {model.timeout_seconds:g} s") from error
    except openai.APIConnectionError as error:
        raise ModelUnavailable("no connection, or it broke off") from error
    except openai.OpenAIError as error:
        raise AnswerUnusable(_STRANGE.format(type(error).__name__)) from error


def _pause(error: Exception, ends: float) -> bool | float:
    """Whether to try again after this error: no, yes after the usual wait, or yes after so many seconds."""
    import openai  # noqa: PLC0415

    if not isinstance(error, openai.APIStatusError):
        return isinstance(error, openai.APIConnectionError)
    if error.code == _OUT_OF_MONEY or not (error.status_code >= 500 or error.status_code in _RETRYABLE_STATUSES):
        return False
    asked = _retry_after(error.response.headers)
    if asked is None:
        return True
    pause = asked + random.uniform(0.0, _JITTER_SECONDS)
    return pause if asyncio.get_running_loop().time() + pause < ends else False


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdecimal() else None


async def _ask_once(
    client: "AsyncOpenAI", model: LanguageModel, instructions: str, content: str, form: type[Answer]
) -> Answer:
    import openai  # noqa: PLC0415

    try:
        response = await client.responses.parse(
            model=model.name,
            instructions=instructions,
            input=content,
            text_format=form,
            max_output_tokens=model.maximum_output_tokens,
            store=False,
        )
        return _answer(response, form)
    except (openai.OpenAIError, AnswerUnusable):
        raise
    except ValidationError as error:
        raise AnswerUnusable("cut off, or not of the agreed form") from error
    except Exception as error:
        # The client takes apart whatever a server sends and has no error of its own for what it did not expect.
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
