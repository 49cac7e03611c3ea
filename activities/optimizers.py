"""Optimisers for tenants: what they ask outside is held to the hosts that the tenant's policy allows."""

import asyncio
from collections.abc import Callable, Sequence

import httpx

from activities.policies import Controllers
from voicehive.execution.errors import ActionFailed, ActionRefused
from voicehive.execution.outbound_http import resolve
from voicehive.optimization import (
    Budget,
    EvaluatorFailed,
    EvaluatorRefused,
    HttpSimulator,
    MultiObjectiveOptimizer,
    Problem,
)
from voicehive.optimization.advising.advice import Adviser
from voicehive.optimization.evaluators.description import EvaluatorDescription, PopulationEvaluator
from voicehive.storage.database import Database


class Optimizers:
    """Makes optimisers; `adviser_of` says whom the strategy `hybrid_ai` asks for a tenant, whose budget pays."""

    def __init__(self, database: Database, controllers: Controllers, adviser_of: Callable[[str], Adviser]) -> None:
        self._database = database
        self._controllers = controllers
        self._adviser_of = adviser_of

    async def of(self, tenant: str, problem: Problem, budget: Budget | None = None) -> MultiObjectiveOptimizer:
        """An optimiser for a problem; it must be used in another thread than this one.

        The policy in force now holds for as long as it is used.

        Raises:
            EvaluatorRefused: the evaluator cannot be used as described.
            InvalidData: its data cannot be used.
            PolicyInvalid: the policy cannot be compiled.
        """
        evaluator, adviser = await self._simulator(tenant, problem.evaluator), self._adviser_of(tenant)

        def create() -> MultiObjectiveOptimizer:
            return MultiObjectiveOptimizer(problem, budget, evaluator=evaluator, adviser=adviser)

        return await asyncio.to_thread(create)  # a surrogate is fitted in it

    async def _simulator(self, tenant: str, description: EvaluatorDescription) -> PopulationEvaluator | None:
        """What asks an external simulator; None for evaluators that reach nothing outside."""
        if not isinstance(description, HttpSimulator):
            return None
        from voicehive.optimization.evaluators.http_evaluator import HttpEvaluator  # noqa: PLC0415 - NumPy loads with it

        async with self._database.reading() as session:
            controller = await self._controllers.in_force(session, tenant, ())
        allowed, loop = tuple(controller.policy.allowed_hosts), asyncio.get_running_loop()

        def addresses(url: httpx.URL) -> Sequence[str]:
            try:
                found = asyncio.run_coroutine_threadsafe(resolve(url, allowed), loop).result()
            except ActionRefused as error:
                raise EvaluatorRefused(str(error)) from None
            except ActionFailed as error:
                raise EvaluatorFailed(str(error)) from error
            return [str(address) for address in found]

        return HttpEvaluator(description, addresses=addresses)
