"""What an optimisation on islands is asked, how it stands and ends, and what its parts tell each other.

An island is a search of its own; between epochs each receives what its left neighbour found, in a ring (Cohoon, Hegde,
Martin & Richards 1987, "Punctuated equilibria: a parallel genetic algorithm").
"""

import hashlib
import json
import math
from datetime import datetime
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, FiniteFloat, model_validator

from voicehive.model import Identifier, Model
from voicehive.optimization.models import MOST_GENERATIONS, Budget, Solution, Strategy
from voicehive.optimization.parameter import Settings
from voicehive.optimization.problem import Problem
from voicehive.optimization.result import Conflict, OptimizationResult, Stop

ENGINE = "voicehive.optimization 2"
"""Part of every cache key: raise the number whenever an equal problem comes to another result."""

MOST_START = 1_000
Start: TypeAlias = Annotated[tuple[Settings, ...], Field(max_length=MOST_START)]
"""Settings to begin a search from."""


class OptimizationRequest(Model):
    """An optimisation on `islands` searches side by side, which exchange what they found after each of `epochs`.

    Each island has the problem's `population` and `generations`; `evaluations` and `time` are for all of them together.
    An epoch lasts `generations` of them; without that, the problem's generations are divided among the epochs.
    With `deployment`, today's settings are what the store knows of it, as for a decision.

    Unless `reuse` is false, the answer to an equal problem is taken from the cache, and a problem of the same structure
    is begun from that one's front. Without it the result depends on nothing but the request.
    """

    tenant: Identifier = "default"
    deployment: Identifier | None = None
    problem: Problem
    islands: Annotated[int, Field(ge=1, le=64)] = 2
    epochs: Annotated[int, Field(ge=1, le=1_000)] = 4
    generations: Annotated[int, Field(ge=1, le=100_000)] | None = None
    start: Start = ()
    reuse: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.problem.evaluator.has_data:
            raise ValueError("problem.evaluator names a file, which no worker can read; give its content inline")
        if self.generations is not None and self.epochs * self.generations > MOST_GENERATIONS:
            raise ValueError(
                f"epochs {self.epochs} x generations {self.generations} are {self.epochs * self.generations:,} "
                f"generations; at most {MOST_GENERATIONS:,} are searched"
            )
        return self

    @property
    def undivided(self) -> bool:
        """Whether islands are of no use: rows of a table are only ranked, a constraint solver proves, and where there
        are no more candidates than the budget allows each island would try them all.
        """
        count = math.prod(parameter.cells for parameter in self.problem.parameters)
        return (
            self.problem.evaluator.kind == "table"
            or self.problem.strategy == "constraint_satisfaction"
            or self.problem.budget.enumerates(count)
        )

    @property
    def generations_an_epoch(self) -> int:
        """How many generations an island lives through between two exchanges."""
        return self.generations or math.ceil(self.problem.budget.generations / self.epochs)

    @property
    def island_budget(self) -> Budget:
        """The budget of each island."""
        whole = self.problem.budget
        generations = self.epochs * self.generations if self.generations else whole.generations
        evaluations = None if whole.evaluations is None else math.ceil(whole.evaluations / self.islands)
        return whole.model_copy(update={"generations": generations, "evaluations": evaluations})

    def left_of(self, island: int) -> int:
        """The island that this one receives from."""
        return (island - 1) % self.islands

    def cache_key(self, problem: Problem) -> str | None:
        """Name all that the result depends on, for the problem as it starts from today's settings.

        None where it depends on something outside, which may have changed.
        """
        exchanges = [self.islands, self.epochs, self.generations_an_epoch]
        return cache_key(problem, exchanges=exchanges, start=self.start)


def cache_key(problem: Problem, **more: object) -> str | None:
    """Name all that a search's result depends on, by its SHA-256: the problem with its data, and how it is searched.

    None where the evaluator computes elsewhere: nobody knows whether it would answer the same again.
    """
    if problem.evaluator.kind in ("http", "python"):
        return None
    content = json.dumps([ENGINE, problem.content_digest(), more], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


class IslandReport(Model):
    """How an island stands after an epoch: counts since its beginning, and its checkpoint's digest in the store.

    `stopped_by` says what ended it; None where it can go on.
    """

    island: int
    epoch: int
    checkpoint: str
    generations: int
    evaluations: int
    front: int
    stopped_by: Stop | None = None


class OptimizationOutcome(Model):
    """How an optimisation ended; the result of `OptimizationWorkflow`.

    The whole result, with its front, is in the store under the digest `result`, as long as it is among those last used.
    `candidates` are the recommended solution and the `alternatives`; these name a solution by its `index` on the front.
    """

    result: str
    strategy: Strategy
    algorithm: str
    algorithm_reason: str
    stopped_by: Stop
    recommended: int
    alternatives: dict[str, int]
    candidates: tuple[Solution, ...]
    current: Solution | None
    reasons: tuple[str, ...]
    feasible: bool
    conflict: Conflict | None
    front_size: int
    hypervolume: FiniteFloat
    confidence: FiniteFloat
    evaluations: int
    quarantined: int
    duration_seconds: FiniteFloat
    seed: int
    from_cache: bool = False
    warm_started: bool = False

    @classmethod
    def of(cls, digest: str, result: OptimizationResult) -> Self:
        """What is told of a result that is stored under this digest."""
        shown = dict.fromkeys((result.recommended, *result.alternatives.values()))
        own = {"result", "candidates", "front_size", "confidence"}
        alike = {name: getattr(result, name) for name in cls.model_fields if name not in own}
        return cls(
            result=digest,
            candidates=tuple(result.front[index] for index in shown),
            front_size=len(result.front),
            confidence=result.confidence.value,
            **alike,
        )

    @property
    def recommendation(self) -> Solution:
        """The recommended solution itself."""
        return next(solution for solution in self.candidates if solution.index == self.recommended)


class OptimizationStatus(Model):
    """How an optimisation stands: what the query `status` answers.

    `epoch` counts the epochs that are over. `evaluations` are those of all islands, as of their last reports.
    """

    stage: Literal["preparing", "searching", "merging", "closed"]
    epoch: int
    epochs: int
    islands: tuple[IslandReport, ...] = ()
    evaluations: int = 0
    warm_started: bool = False
    reason: str = ""
    outcome: OptimizationOutcome | None = None


class PreparationInput(Model):
    """A request, and the run that keeps what it needs under its own name."""

    owner: str
    request: OptimizationRequest


class PreparedProblem(Model):
    """A problem that starts from today's settings, with the settings to begin from; in the store while it is searched.

    `key` is the cache's, None where the result is not to be taken for the answer to an equal problem.
    """

    problem: Problem
    start: Start
    key: str | None
    warm_started: bool


class Preparation(Model):
    """The digest of the prepared problem in the store, or the outcome at once where the cache has it."""

    document: str = ""
    warm_started: bool = False
    outcome: OptimizationOutcome | None = None


class IslandTask(Model):
    """An island's epoch: it goes on from its `checkpoint`, and takes in its neighbour's."""

    tenant: str
    owner: str
    document: str
    island: int
    islands: int
    epoch: int
    generations: int
    budget: Budget
    deadline: datetime
    checkpoint: str | None = None
    immigrants: str | None = None


class MergeTask(Model):
    """The checkpoints of all islands, to be made one result; without any, what the search would have begun from."""

    tenant: str
    owner: str
    document: str
    started_at: datetime
    checkpoints: tuple[str, ...] = ()
    stopped_by: Stop = "generations"


class CheckpointsKept(Model):
    """The documents in the store that a run still needs; all its others are removed."""

    tenant: str
    owner: str
    digests: tuple[str, ...] = ()


class Continuation(Model):
    """What a run hands on to the run that continues it; nothing large."""

    document: str
    warm_started: bool
    started_at: datetime
    epoch: int
    reports: tuple[IslandReport, ...]


class OptimizationInput(OptimizationRequest):
    """What the workflow takes: a request. `continued` is set by the workflow itself, never by a caller."""

    continued: Continuation | None = None
