"""Finished optimisations in the store: kept with their problems, found again, and begun from."""

from pydantic import ValidationError

from voicehive.model import Model
from voicehive.optimization import OptimizationResult, Problem, Settings
from voicehive.optimization.request import OptimizationOutcome
from voicehive.optimization.warm_start import settings_to_begin_from
from voicehive.storage.database import Database
from voicehive.storage.optimizations import RESULT_KIND, CachedOptimization, Optimizations
from voicehive.storage.results import Results


class StoredOptimization(Model):
    """A problem with the result it led to, as the store keeps them."""

    problem: Problem
    result: OptimizationResult


class FinishedOptimizations:
    """A tenant's finished optimisations. What a decision finds or keeps is pinned: it never goes with the cache."""

    def __init__(self, database: Database, tenant: str, *, for_decision: bool = False) -> None:
        self._database = database
        self._tenant = tenant
        self._pin = for_decision

    async def find(self, key: str | None) -> OptimizationOutcome | None:
        """The outcome that is known for this key, marked so."""
        if key is None:
            return None
        async with self._database.transaction() as session:
            entry = await Optimizations(session, self._tenant).find(key, pin=self._pin)
        try:
            outcome = OptimizationOutcome.model_validate_json(entry.outcome) if entry else None
        except ValidationError:
            return None  # another release of this program wrote it
        return outcome and outcome.model_copy(update={"from_cache": True})

    async def start_for(self, problem: Problem) -> tuple[Settings, ...]:
        """What of the newest front of a problem of the same structure this one can begin from."""
        async with self._database.transaction() as session:
            nearest = await Optimizations(session, self._tenant).nearest(problem.structure_digest())
        try:
            earlier = StoredOptimization.model_validate_json(nearest).result if nearest else None
        except ValidationError:
            return ()
        return settings_to_begin_from(problem, earlier) if earlier else ()

    async def keep(self, problem: Problem, result: OptimizationResult, key: str | None) -> OptimizationOutcome:
        """Store a search's result, for the cache too; `key` None where it answers no equal problem."""
        outcome, document = _stored(problem, result)
        entry = CachedOptimization(
            result=outcome.result,
            key=key,
            structure=problem.structure_digest(),
            outcome=outcome.model_dump_json(),
        )
        async with self._database.transaction() as session:
            await Optimizations(session, self._tenant).put(entry, document, pinned=self._pin)
        return outcome

    async def keep_ranking(self, problem: Problem, result: OptimizationResult) -> OptimizationOutcome:
        """Store the ranking of given candidates, which answers nothing else."""
        outcome, document = _stored(problem, result)
        async with self._database.transaction() as session:
            await Results(session, self._tenant).put(outcome.result, RESULT_KIND, document)
        return outcome


def _stored(problem: Problem, result: OptimizationResult) -> tuple[OptimizationOutcome, bytes]:
    stored = StoredOptimization(problem=problem, result=result)
    return OptimizationOutcome.of(stored.content_digest(), result), stored.model_dump_json().encode()
