"""A language model behind OpenAI's Responses API, or a compatible one, and the asking of a single question."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, FiniteFloat

from voicehive.model import Model
from voicehive.reasoning.errors import ModelUnavailable

if TYPE_CHECKING:
    from voicehive.reasoning.model_session import Services

Answer = TypeVar("Answer", bound=Model)
_Result = TypeVar("_Result")

_GRACE_SECONDS = 0.5


def _base_url(url: str) -> str:
    parsed = urlsplit(url)
    if parsed.scheme not in ("http", "https") or not parsed.hostname:
        raise ValueError("must be an absolute URL that starts with https:// or http://")
    if parsed.username is not None or parsed.password is not None:
        raise ValueError("must not hold a user name or password; set the environment variable OPENAI_API_KEY instead")
    return url


class LanguageModel(Model):
    """Which model is asked, where, how long it may take, and what it costs.

    `base_url` None means the environment variable OPENAI_BASE_URL, or else OpenAI's own service. The key is read from
    OPENAI_API_KEY by the client itself and stands nowhere else. One attempt may take `timeout_seconds`, all `attempts`
    with the waits between them `total_seconds`, in which a process's first asking also loads the client (a second or
    two). `maximum_output_tokens` includes what a model spends on thinking. Prices are for a million tokens, in the
    currency of the budgets.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}$")]
    base_url: Annotated[str, AfterValidator(_base_url)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    total_seconds: Annotated[float, Field(gt=0, le=600)] = 45.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    maximum_output_tokens: Annotated[int, Field(ge=16, le=100_000)] = 4096
    input_price: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    output_price: Annotated[FiniteFloat, Field(ge=0)] = 0.0

    @property
    def service(self) -> str:
        """The name of what answers or fails as one: this model at this place."""
        return f"{self.name} at {self.base_url or 'the place that the environment names'}"


async def ask(
    model: LanguageModel, instructions: str, content: str, form: type[Answer], services: "Services | None" = None
) -> Answer:
    """Ask one question, repeated where that may help; `voicehive.reasoning.model_session` says when it does.

    `services` says whose budget pays; without any nothing is counted.

    Raises:
        ModelUnavailable: the `openai` package or its key is missing, the server cannot be reached, refused the request,
            or gave no answer in time.
        BudgetExhausted: the tenant's budget has no room.
        AnswerUnusable: the answer is not of the form asked for.
    """
    from voicehive.reasoning.model_session import Services, model_session  # noqa: PLC0415

    async with model_session(model, services or Services()) as session:
        return await session.ask("advise", instructions, content, form)


def ask_and_wait(
    model: LanguageModel, instructions: str, content: str, form: type[Answer], services: "Services | None" = None
) -> Answer:
    """Do as `ask` does from a thread that has no event loop, or that must not wait for its own.

    The asking has a thread and a loop to itself: only so can all of it be cancelled in time. The thread is left behind
    half a second after `total_seconds`, should a name's resolution hang, which nothing can cancel. What `services` hold
    is asked on that loop: what belongs to another needs `voicehive.reasoning.stores.MeterOnLoop` or its like.
    """
    try:
        return _run_apart(
            lambda: ask(model, instructions, content, form, services), model.total_seconds + _GRACE_SECONDS
        )
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
