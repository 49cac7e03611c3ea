"""Leaves a service alone that has failed several times in a row (Nygard 2018, "Release It!", circuit breaker).

`purgatory` is loaded when a service is first called.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from voicehive.reasoning.errors import AnswerUnusable, BudgetExhausted, CircuitOpen

if TYPE_CHECKING:
    from purgatory import AsyncCircuitBreakerFactory


class CircuitBreaker:
    """A circuit for each service, within this process.

    After `failures` in a row a circuit is open for `seconds`; then what comes is let through, and the first outcome
    closes or opens it again. An answer that cannot be used is no failure of the service, nor is a spent budget.

    Not shared between processes, on purpose. What it saves is this process's time: each learns for itself after
    `failures` calls, so that n workers make at most n times as many in vain every `seconds`. A shared state would put a
    read of the store before each call and a write behind each failure, and one host with a broken proxy or name server
    would keep the model from all others, for whom it answers.
    """

    def __init__(self, failures: int = 5, seconds: float = 30.0) -> None:
        self._failures = failures
        self._seconds = seconds

    @cached_property
    def _circuits(self) -> "AsyncCircuitBreakerFactory":
        from purgatory import AsyncCircuitBreakerFactory  # noqa: PLC0415

        no_failures = [AnswerUnusable, BudgetExhausted, asyncio.CancelledError]
        return AsyncCircuitBreakerFactory(self._failures, self._seconds, exclude=[*no_failures])

    @asynccontextmanager
    async def guarding(self, service: str) -> AsyncGenerator[None]:
        """Around a call of the service.

        Raises:
            CircuitOpen: the service is being left alone.
        """
        from purgatory.domain.model import OpenedState  # noqa: PLC0415

        circuit = await self._circuits.get_breaker(service)
        try:
            async with circuit:
                yield
        except OpenedState as opened:
            # The state itself is what is raised, each time the same: it would keep every frame it ever passed.
            opened.__traceback__ = None
            raise CircuitOpen(f"left alone for {self._seconds:g} s after {self._failures} failures in a row") from None
