"""The search for better settings."""

import asyncio
import json

from temporalio import activity

from activities.heartbeat import heartbeating
from voicehive.autonomy.request import DecisionRequest, OptimizationSummary
from voicehive.model import Model
from voicehive.optimization import MultiObjectiveOptimizer, OptimizationResult, Problem
from voicehive.storage.database import Database
from voicehive.storage.parameters import Parameters
from voicehive.storage.results import Results

RESULT_KIND = "optimization"


class StoredOptimization(Model):
    """A problem with the result it led to, as the store keeps them."""

    problem: Problem
    result: OptimizationResult


class OptimizationActivities:
    """Wraps the optimisation engine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def optimize(self, request: DecisionRequest) -> OptimizationSummary:
        """Search from today's settings as the store knows them, or rank the given candidates; keep the front."""
        problem = await self._from_today(request)
        optimizer = MultiObjectiveOptimizer(problem)
        if request.candidates is not None:
            result = optimizer.evaluate(request.candidates)
        else:
            async with heartbeating():
                result = await asyncio.to_thread(optimizer.optimize)
        stored = StoredOptimization(problem=problem, result=result)
        digest = stored.content_digest()
        async with self._database.transaction() as session:
            await Results(session, request.tenant).put(digest, RESULT_KIND, stored.model_dump_json().encode())
        return _summary(digest, result)

    async def _from_today(self, request: DecisionRequest) -> Problem:
        """The request's problem, starting from the deployment's stored settings where there are any."""
        async with self._database.reading() as session:
            stored = {p.name: p.value for p in await Parameters(session, request.tenant).list(request.deployment)}
        document = request.problem.model_dump(mode="json")
        for parameter in document["parameters"]:
            parameter["current"] = stored.get(parameter["name"], parameter["current"])
        return Problem.model_validate_json(json.dumps(document))


def _summary(digest: str, result: OptimizationResult) -> OptimizationSummary:
    shown = dict.fromkeys((result.recommended, *result.alternatives.values()))
    return OptimizationSummary(
        result=digest,
        algorithm=result.algorithm,
        front_size=len(result.front),
        evaluations=result.evaluations,
        hypervolume=result.hypervolume,
        duration_seconds=result.duration_seconds,
        feasible=result.feasible,
        reasons=result.reasons,
        current=result.current,
        candidates=tuple(result.front[index] for index in shown),
        recommended=result.recommended,
    )
