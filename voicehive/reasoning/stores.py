"""What a reasoner keeps between decisions; `voicehive.storage.model_usage` keeps both in the database."""

import asyncio
from typing import Protocol


class UsageMeter(Protocol):
    """Each tenant's tokens and money, counted exactly whoever else is spending at the same time."""

    async def reserve(self, tenant: str, call: str, tokens: int, cost_micros: int) -> bool:
        """Set aside what the call may cost at most; False, with nothing set aside, where the budget has no room."""
        ...

    async def settle(self, tenant: str, call: str, tokens: int, cost_micros: int) -> None:
        """Put what the call did cost in the place of what was set aside; once for each call, repeats change nothing."""
        ...


class MeterOnLoop:
    """A meter that belongs to one event loop, for those who ask on another: a search asks its adviser on a thread."""

    def __init__(self, meter: UsageMeter, loop: asyncio.AbstractEventLoop) -> None:
        self._meter = meter
        self._loop = loop

    async def reserve(self, tenant: str, call: str, tokens: int, cost_micros: int) -> bool:
        """See `UsageMeter`."""
        asked = asyncio.run_coroutine_threadsafe(self._meter.reserve(tenant, call, tokens, cost_micros), self._loop)
        return await asyncio.wrap_future(asked)

    async def settle(self, tenant: str, call: str, tokens: int, cost_micros: int) -> None:
        """See `UsageMeter`."""
        told = asyncio.run_coroutine_threadsafe(self._meter.settle(tenant, call, tokens, cost_micros), self._loop)
        await asyncio.wrap_future(told)


class AnswerCache(Protocol):
    """Answers of models by the digest of all that they depend on, each tenant's apart."""

    async def get(self, tenant: str, digest: str) -> str | None:
        """The answer, as JSON; None where there is none that is young enough."""
        ...

    async def put(self, tenant: str, digest: str, answer: str) -> None:
        """Keep an answer."""
        ...
