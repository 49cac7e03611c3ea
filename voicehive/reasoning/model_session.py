"""The questions of one decision to one language model: sent, repeated, bounded in time, metered, recorded and cached.

Retries have one owner, `ModelSession.ask`: the client has none of its own, and whoever calls need not repeat what fails
here. `openai` and `stamina` are loaded when a model is first asked; what needs no model works without them.
"""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from voicehive.reasoning.circuit_breaker import CircuitBreaker
from voicehive.reasoning.errors import BudgetExhausted, ModelUnavailable, ReasoningError
from voicehive.reasoning.language_model import Answer, LanguageModel
from voicehive.reasoning.model_request import ModelRequest
from voicehive.reasoning.models import ModelCall, Purpose
from voicehive.reasoning.responses_client import JITTER_SECONDS, new_client, pause, read, send, told
from voicehive.reasoning.stores import AnswerCache, UsageMeter

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_STORE_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """What sessions share: whose budget pays and who counts it, answers kept from before, and the circuits."""

    tenant: str = "default"
    meter: UsageMeter | None = None
    cache: AnswerCache | None = None
    breaker: CircuitBreaker | None = None
    packages: tuple[str, ...] = ("openai", "stamina")


@asynccontextmanager
async def model_session(model: LanguageModel, services: Services = Services()) -> AsyncGenerator["ModelSession"]:
    """A session that ends `total_seconds` from now, whatever it is waiting for then.

    Only the store of budgets and answers is waited for longer, five seconds at most, should it hang.
    """
    async with AsyncExitStack() as stack:
        session = ModelSession(model, services, stack, asyncio.get_running_loop().time() + model.total_seconds)
        try:
            yield session
        finally:
            await asyncio.gather(*session.afterwards)


@dataclass
class ModelSession:
    """Asks questions, several at a time if need be; `calls` holds a record of every request made, failed ones too."""

    model: LanguageModel
    services: Services
    stack: AsyncExitStack
    ends: float
    calls: list[ModelCall] = field(default_factory=list[ModelCall])
    afterwards: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    _client: "asyncio.Task[AsyncOpenAI] | None" = None

    async def ask(
        self,
        purpose: Purpose,
        instructions: str,
        content: str,
        form: type[Answer],
        accept: Callable[[Answer], object] = bool,
    ) -> Answer:
        """Ask, repeated where that may help: too many requests, a server's fault, no connection, no answer in time.

        Retry-After (RFC 9110 section 10.2.3, in seconds) is honoured where it ends in time; otherwise the model counts
        as unavailable at once. httpx bounds each read, not their sum; an attempt and the whole are bounded here, so
        that an answer that trickles in ends in time too. `accept` raises `AnswerUnusable` for an answer that means
        nothing here; what it lets pass is kept in the cache.

        Raises:
            ModelUnavailable: the `openai` package or its key is missing, the server cannot be reached, refused the
                request, gave no answer in time, or is being left alone.
            BudgetExhausted: the tenant's budget has no room.
            AnswerUnusable: the answer is not of the form asked for, or not accepted.
        """
        for package in self.services.packages:
            if find_spec(package) is None:
                raise ModelUnavailable(f"the package {package} is not installed; install the extra 'reasoning'")
        request = ModelRequest(self.model, purpose, instructions, content, form)
        try:
            async with asyncio.timeout_at(self.ends):
                if (kept := await self._kept(request, accept)) is not None:
                    return kept
                async with AsyncExitStack() as guarded:
                    if self.services.breaker is not None:
                        await guarded.enter_async_context(self.services.breaker.guarding(self.model.service))
                    return await self._ask_again(partial(self._attempt, request, accept))
        except TimeoutError as error:
            raise ModelUnavailable(f"no answer within {self.model.total_seconds:g} s") from error

    async def _ask_again(self, once: Callable[[], Awaitable[Answer]]) -> Answer:
        if "openai" not in sys.modules:  # loading it takes a second or two, which others must not wait for
            await asyncio.to_thread(import_module, "openai")
        import stamina  # noqa: PLC0415

        # Without arguments and inside this function, so that the log of retries shows nothing of what was asked.
        @stamina.retry(
            on=partial(pause, ends=self.ends),
            attempts=self.model.attempts,
            timeout=self.model.total_seconds,
            wait_initial=0.2,
            wait_max=5.0,
            wait_jitter=JITTER_SECONDS,
        )
        async def attempt() -> Answer:
            return await once()

        try:
            return await attempt()
        except (ReasoningError, asyncio.CancelledError):
            raise
        except Exception as error:
            raise told(error, self.model) from error

    async def _attempt(self, request: ModelRequest[Answer], accept: Callable[[Answer], object]) -> Answer:
        """One request, with its room in the budget set aside before it and its record kept after it."""
        call = uuid4().hex
        await self._reserve(call, request)
        started = time.monotonic()
        body: bytes | None = None
        error: BaseException | None = None
        try:
            async with asyncio.timeout(self.model.timeout_seconds):
                response = await self._send(request)
            body = response.content
            answer = read(response, request.form)
            accept(answer)
            self.afterwards.append(asyncio.create_task(self._keep(request, answer)))
            return answer
        except BaseException as raised:
            error = raised
            raise
        finally:
            cause = "" if error is None else str(told(error, self.model))
            record = request.record(body, error, cause, time.monotonic() - started)
            self.calls.append(record)
            # The time for the answer may be up at any moment, and with it this task's: settling goes on all the same.
            settling = asyncio.create_task(self._settle(call, record))
            self.afterwards.append(settling)
            await asyncio.shield(settling)

    async def _send(self, request: ModelRequest[Any]) -> Any:
        if self._client is None:
            self._client = asyncio.create_task(self.stack.enter_async_context(new_client(self.model)))
        client = await asyncio.shield(self._client)
        return await send(client, request)

    async def _reserve(self, call: str, request: ModelRequest[Any]) -> None:
        meter = self.services.meter
        if meter is None:
            return
        try:
            room = await meter.reserve(self.services.tenant, call, request.most_tokens, request.most_cost_micros)
        except Exception as error:
            raise ModelUnavailable(f"the store of the budgets does not answer ({type(error).__name__})") from error
        if not room:
            raise BudgetExhausted("the tenant's budget for models has no room")

    async def _settle(self, call: str, record: ModelCall) -> None:
        """Replace what was set aside; where that fails, what was set aside counts as spent."""
        meter = self.services.meter
        if meter is None:
            return
        tokens = record.input_tokens + record.output_tokens
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                await meter.settle(self.services.tenant, call, tokens, record.cost_micros)
        except Exception as error:
            _log.warning("a model call's cost could not be settled: %s", type(error).__name__)

    async def _kept(self, request: ModelRequest[Answer], accept: Callable[[Answer], object]) -> Answer | None:
        """An answer from the cache; one that cannot be read is none."""
        if self.services.cache is None:
            return None
        try:
            text = await self.services.cache.get(self.services.tenant, request.digest)
            if text is None:
                return None
            answer = request.form.model_validate_json(text)
            accept(answer)
        except Exception as error:
            _log.warning("the cache of a model's answers could not be read: %s", type(error).__name__)
            return None
        self.calls.append(request.from_cache(text))
        return answer

    async def _keep(self, request: ModelRequest[Answer], answer: Answer) -> None:
        if self.services.cache is None:
            return
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                await self.services.cache.put(self.services.tenant, request.digest, answer.model_dump_json())
        except Exception as error:
            _log.warning("a model's answer could not be cached: %s", type(error).__name__)
