"""The search for better settings: a decision's, and what surrounds that of the islands."""

import asyncio
import json

from temporalio import activity

from activities.finished_optimizations import FinishedOptimizations, StoredOptimization
from activities.optimizers import Optimizers
from activities.search_watch import SearchWatch, watched
from voicehive.autonomy.request import DecisionRequest, OptimizationSummary
from voicehive.optimization import InvalidCandidate, OptimizationResult, Problem, Table
from voicehive.optimization.request import (
    MOST_START,
    CheckpointsKept,
    OptimizationOutcome,
    Preparation,
    PreparationInput,
    PreparedProblem,
    cache_key,
)
from voicehive.storage.checkpoints import Checkpoints
from voicehive.storage.database import Database
from voicehive.storage.optimizations import RESULT_KIND
from voicehive.storage.parameters import Parameters

__all__ = ["RESULT_KIND", "OptimizationActivities", "StoredOptimization"]


class OptimizationActivities:
    """Wraps the optimisation engine."""

    def __init__(self, database: Database, optimizers: Optimizers) -> None:
        self._database = database
        self._optimizers = optimizers

    @activity.defn
    async def optimize(self, request: DecisionRequest) -> OptimizationSummary:
        """Search from today's settings as the store knows them, or rank the given candidates; keep the front.

        An equal problem's result is taken from the cache, and a similar problem's front is begun from.
        """
        problem = await self._from_today(request.tenant, request.deployment, request.problem)
        finished = FinishedOptimizations(self._database, request.tenant, for_decision=True)
        key = cache_key(problem)
        if (candidates := request.candidates) is not None:
            optimizer = await self._optimizers.of(request.tenant, problem)
            ranking = await asyncio.to_thread(optimizer.evaluate, candidates)
            return _summary(await finished.keep_ranking(problem, ranking))
        if (known := await finished.find(key)) is not None:
            return _summary(known)
        start = await finished.start_for(problem)
        optimizer = await self._optimizers.of(request.tenant, problem)

        def search(watch: SearchWatch) -> OptimizationResult:
            if isinstance(problem.evaluator, Table):
                return optimizer.optimize()
            search = optimizer.search(start=start)
            watch.when_stopped(search.stop)
            while (progress := search.step()) is not None:
                watch.report(progress)
            watch.report(search.progress)
            return optimizer.result(search)

        result = await watched(search)
        marked = result.model_copy(update={"warm_started": bool(start)})
        return _summary(await finished.keep(problem, marked, key))

    @activity.defn
    async def prepare_optimization(self, asked: PreparationInput) -> Preparation:
        """Take the outcome from the cache, or keep the problem, as it starts from today, for those who search it."""
        request = asked.request
        problem = await self._from_today(request.tenant, request.deployment, request.problem)
        finished = FinishedOptimizations(self._database, request.tenant)
        key, start = request.cache_key(problem), request.start
        if request.reuse:
            if (known := await finished.find(key)) is not None:
                return Preparation(outcome=known)
            start = (*start, *await finished.start_for(problem))[:MOST_START]
        warm = len(start) > len(request.start)
        prepared = PreparedProblem(problem=problem, start=start, key=key, warm_started=warm)
        async with self._database.transaction() as session:
            checkpoints = Checkpoints(session, request.tenant, asked.owner)
            document = await checkpoints.put(prepared.model_dump_json().encode())
        return Preparation(document=document, warm_started=warm)

    @activity.defn
    async def keep_checkpoints(self, kept: CheckpointsKept) -> None:
        """Remove what a run has put into the store and no longer needs."""
        async with self._database.transaction() as session:
            await Checkpoints(session, kept.tenant, kept.owner).keep(kept.digests)

    async def _from_today(self, tenant: str, deployment: str | None, problem: Problem) -> Problem:
        """The problem, starting from the deployment's stored settings where there are any."""
        if deployment is None:
            return problem
        async with self._database.reading() as session:
            stored = {p.name: p.value for p in await Parameters(session, tenant).list(deployment)}
        if all(stored.get(parameter.name, parameter.current) == parameter.current for parameter in problem.parameters):
            return problem
        document = problem.model_dump(mode="json")
        for parameter in document["parameters"]:
            parameter["current"] = stored.get(parameter["name"], parameter["current"])
        return Problem.model_validate_json(json.dumps(document))


def _summary(outcome: OptimizationOutcome) -> OptimizationSummary:
    if outcome.current is None:
        raise InvalidCandidate("the table has no row of today's settings to compare with; add it to the table")
    return OptimizationSummary(
        result=outcome.result,
        algorithm=outcome.algorithm,
        front_size=outcome.front_size,
        evaluations=outcome.evaluations,
        hypervolume=outcome.hypervolume,
        duration_seconds=outcome.duration_seconds,
        feasible=outcome.feasible,
        reasons=outcome.reasons,
        current=outcome.current,
        candidates=outcome.candidates,
        recommended=outcome.recommended,
    )
