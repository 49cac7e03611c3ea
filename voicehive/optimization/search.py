"""A search that is stepped, asked and told, saved and gone on with: the state between a problem and its result."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from voicehive.optimization.arrays import Floats
from voicehive.optimization.candidates import GivenPoints, every_point
from voicehive.optimization.checkpoint import Checkpoint, Snapshot
from voicehive.optimization.choice import weights_of, worsening
from voicehive.optimization.evaluation import Evaluation, Judged
from voicehive.optimization.evolution.algorithm_choice import choose_algorithm
from voicehive.optimization.evolution.archive import Archive
from voicehive.optimization.evolution.population import (
    MOST_OBJECTIVES_BY_DOMINANCE,
    EvolutionarySearch,
    Population,
)
from voicehive.optimization.explanation.convergence import has_converged, is_recorded, recorded
from voicehive.optimization.figures import counted
from voicehive.optimization.front import scaled
from voicehive.optimization.models import Budget, Progress
from voicehive.optimization.parameter import Settings
from voicehive.optimization.result import OptimizationResult, Stop
from voicehive.optimization.satisfaction.discrete_problem import MOST_SOLUTIONS, Satisfaction

ARCHIVE_LIMIT = 2_000
"""At most so many non-dominated solutions are kept while searching, or as many as the result may hold."""

Satisfier: TypeAlias = Callable[[Population, float, int | None, Callable[[], bool]], Satisfaction]
"""Seeks what meets every hard constraint: knows today's settings, within seconds and a number of evaluations, and asks
whether to stop.
"""

_EXTENT_SHARE, _EXTENT_GENERATIONS = 4, 100
"""A weighted sum is searched for after the first quarter of the generations, and a hundred at most, has settled each
objective's extent."""


class Search:
    """One search of one problem. Made by `MultiObjectiveOptimizer.search`.

    Either `step` it: each step evaluates one generation. Or `ask` for settings, evaluate them yourself, and `tell` what
    they came to. `checkpoint` gives its state at any time between.

    Attributes:
        stopped_by: what has ended it, or None while it goes on.
        algorithm: the name of the algorithm, and `algorithm_reason` why it was picked.
        satisfaction: what came of seeking by proof what meets every hard constraint, where the strategy asks for that.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        budget: Budget,
        seed: int,
        stream: tuple[int, ...],
        state: Checkpoint,
        *,
        satisfy: Satisfier | None = None,
        start: Floats | None = None,
        immigrants: Sequence[Population] = (),
        finish: "Callable[[Search], OptimizationResult]",
    ) -> None:
        self._evaluation = evaluation
        self._budget = budget
        self._finish = finish
        self._began = time.monotonic() - state.seconds
        self._state = state
        self._archive = Archive(max(ARCHIVE_LIMIT, evaluation.problem.front_size), evaluation.problem.front_size)
        for population in (state.archive, *immigrants):
            self._archive.add(population)
        self._rng = np.random.default_rng([seed, *stream, state.generation])
        self._population = _joined(state.population, immigrants)
        self.stopped_by: Stop | None = None
        self.algorithm, self.algorithm_reason = "", ""
        self._asked: Floats | None = None
        self._start = start
        self._satisfy = satisfy
        self.satisfaction: Satisfaction | None = None
        self._method = self._pick(None, start)

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        state = self._state
        front = state.snapshots[-1].front if state.snapshots else 0
        return Progress(state.generation, self._budget.generations, state.evaluations, front)

    @property
    def seconds(self) -> float:
        """How long it has been going on, the time before its checkpoint included."""
        return time.monotonic() - self._began

    def step(self) -> Progress | None:
        """Evaluate one generation by the problem's own evaluator; None when the search has ended.

        Raises:
            EvaluatorFailed, EvaluatorRefused: the evaluator gave nothing, or not what was agreed.
        """
        points = self._next()
        if points is None:
            return None
        self._take(points, self._evaluation.evaluate(points))
        return self.progress

    def ask(self) -> list[Settings] | None:
        """The settings to evaluate next, the same until they are told; None when the search has ended."""
        points = self._next()
        return None if points is None else self._evaluation.encoding.settings(points)

    def tell(self, outcomes: Mapping[str, ArrayLike]) -> Progress:
        """Take what the settings asked came to: an array for each of the evaluator's outcomes; NaN where unknown.

        Raises:
            EvaluatorRefused: an outcome is missing, or has another shape than was asked for.
            RuntimeError: nothing has been asked.
        """
        if self._asked is None:
            raise RuntimeError("nothing has been asked; call ask first")
        self._take(self._asked, self._evaluation.evaluate_given(self._asked, outcomes))
        return self.progress

    def stop(self) -> None:
        """End it; the best so far is the result."""
        self.stopped_by = self.stopped_by or "asked"

    @property
    def _kept(self) -> Checkpoint:
        return self._state._replace(archive=self._best, seconds=self.seconds)

    @property
    def found(self) -> Checkpoint:
        """What a result is made from: its state but for the population that it would go on from."""
        return self._kept._replace(snapshots=self._recorded)

    def checkpoint(self) -> bytes:
        """Its state as bytes; `MultiObjectiveOptimizer.search(checkpoint)` goes on from there."""
        return self._kept._replace(population=self._unweighed(self._method.population)).to_bytes()

    def result(self) -> OptimizationResult:
        """The best so far, chosen and explained."""
        return self._finish(self)

    def _next(self) -> Floats | None:
        if self.stopped_by is None:
            self.stopped_by = self.reached()
        if self.stopped_by is None and self._satisfy is not None:
            self._settle(self._satisfy)
            if self.stopped_by is not None and isinstance(self._method, GivenPoints):
                self._asked = self._method.ask()  # asked to stop meanwhile: what has been found is still tried
                return self._asked
            self.stopped_by = self.stopped_by or self.reached()
        if self.stopped_by is not None:
            return None
        if self._asked is not None:
            return self._asked
        points = self._method.ask()
        if points is None:
            self.stopped_by = "exhausted"
            return None
        if self._budget.evaluations is not None:
            points = points[: self._budget.evaluations - self._state.evaluations]
        self._asked = points
        return points

    def _settle(self, satisfy: Satisfier) -> None:
        """Seek first what meets every hard constraint, by proof; what that finds is tried, or begun from."""
        self._satisfy = None
        budget, state = self._budget, self._state
        seconds = max(0.0, budget.time.total_seconds() - self.seconds) / 2.0
        left = None if budget.evaluations is None else max(0, budget.evaluations - state.evaluations - MOST_SOLUTIONS)
        self.satisfaction = found = satisfy(state.current, seconds, left, lambda: self.stopped_by is not None)
        if state.generation == 0:
            self._state = state._replace(evaluations=state.evaluations + found.evaluations)
        points = self._evaluation.encoding.encode(found.candidates) if found.candidates else None
        if points is not None and (found.settled or self.stopped_by is not None):
            self._method = self._pick(points, None)
            self.algorithm, self.algorithm_reason = found.algorithm, found.reason
            return
        if points is not None and not isinstance(self._method, GivenPoints):
            self._start = points if self._start is None else np.concatenate([self._start, points])
            self._method = self._pick(None, self._start)
        self.algorithm_reason = f"{self.algorithm_reason}; {found.reason}"

    def reached(self) -> Stop | None:
        """Which budget is used up, or None."""
        budget, state = self._budget, self._state
        if budget.evaluations is not None and state.evaluations >= budget.evaluations:
            return "evaluations"
        if self.seconds >= budget.time.total_seconds() and state.generation:
            return "time"
        if isinstance(self._method, GivenPoints):
            return None
        if state.generation >= budget.generations:
            return "generations"
        if budget.convergence is not None and has_converged(state, budget.convergence):
            return "convergence"
        return None

    def _take(self, points: Floats, judged: Judged) -> None:
        population = judged.population
        state, self._asked = self._state, None
        self._archive.add(population)
        given = len(points) if isinstance(self._method, GivenPoints) else 0
        self._state = state = state._replace(
            given=state.given + given,
            generation=state.generation + 1,
            evaluations=state.evaluations + len(points),
            quarantined=state.quarantined + len(points) - len(population.points),
        )
        self._method.tell(self._weighed(population))
        if is_recorded(state.generation):
            self._state = state._replace(snapshots=self._recorded)
        if self._may_narrow and state.generation >= min(self._budget.generations // _EXTENT_SHARE, _EXTENT_GENERATIONS):
            self._narrow()

    @property
    def _recorded(self) -> tuple[Snapshot, ...]:
        held = self._held_by_preferences
        return recorded(self._state, self._archive.rows if held is None else held)

    @property
    def _best(self) -> Population:
        """What the archive holds, and where it leaves the choice to preferences, what the search holds by them."""
        rows, held = self._archive.rows, self._held_by_preferences
        return rows if held is None else rows.join(held.take(held.violations <= rows.violations.max()))

    @property
    def _held_by_preferences(self) -> Population | None:
        """What the search holds, where dominance cannot tell candidates apart; None otherwise."""
        many = len(self._evaluation.problem.objectives) > MOST_OBJECTIVES_BY_DOMINANCE
        if not many or isinstance(self._method, GivenPoints):
            return None
        held = self._unweighed(self._method.population)
        return held if len(held.points) else None

    def _pick(self, candidates: Floats | None, start: Floats | None) -> EvolutionarySearch:
        problem, space = self._evaluation.problem, self._evaluation.encoding.space
        count = math.prod(space.cells.tolist())
        if candidates is None and self._budget.enumerates(count):
            every, today = every_point(space), space.snap(self._state.current.points)
            candidates = every[(every != today).any(axis=1)]
            self.algorithm = "enumeration"
            self.algorithm_reason = f"all there is are {counted(count, 'candidate')}, no more than the budget allows"
        if candidates is not None:
            return GivenPoints(candidates, self._budget.population, self._state.given, self._population)
        objectives = len(problem.objectives) if self._state.scale is None else 1
        picked = choose_algorithm(objectives, bool(problem.hard_constraints) or self._limits_worsening, space)
        self.algorithm, self.algorithm_reason = picked.name, picked.reason
        population = self._population
        begun = len(population.points) > 1
        seeds = self._state.current.points if start is None else np.concatenate([self._state.current.points, start])
        return picked.factory(
            space,
            self._budget.population,
            self._rng,
            objectives,
            start=self._weighed(population) if begun else None,
            seeds=seeds,
        )

    @property
    def _may_narrow(self) -> bool:
        """Whether a weighted sum is wanted, and not yet what is searched for."""
        wanted = self._evaluation.problem.strategy == "weighted_sum" and len(self._evaluation.problem.objectives) > 1
        return wanted and self._state.scale is None and not isinstance(self._method, GivenPoints)

    def _narrow(self) -> None:
        """From now on search for the weighted sum alone: the extents that it is measured by have become known."""
        archive = self._archive.rows
        self._population = _joined(archive, [self._method.population])
        extents = np.stack([archive.objectives.min(axis=0), archive.objectives.max(axis=0)])
        self._state = self._state._replace(scale=extents)
        weighed = self._weighed(self._population)
        best = np.lexsort((weighed.objectives[:, 0], weighed.violations))[: self._budget.population]
        self._population = self._population.take(np.sort(best))
        self._method = self._pick(None, None)

    def _weighed(self, population: Population) -> Population:
        """Put the weighted sum in the objectives' place where that is what is searched for; they ride along.

        What the objectives may not worsen by becomes one more constraint.
        """
        if self._state.scale is None:
            return population
        riding = np.concatenate([population.outcomes, population.objectives], axis=1)
        sums, excesses = self._sums(population)[:, None], population.excesses
        if self._limits_worsening:
            excesses = np.column_stack([excesses, self._worsening(population)])
        return population._replace(objectives=sums, excesses=excesses, outcomes=riding)

    def _unweighed(self, population: Population) -> Population:
        if self._state.scale is None:
            return population
        outcomes, objectives = np.split(population.outcomes, [len(self._evaluation.names)], axis=1)
        excesses = population.excesses[:, : len(self._evaluation.problem.hard_constraints)]
        return population._replace(objectives=objectives, excesses=excesses, outcomes=outcomes)

    @property
    def _limits_worsening(self) -> bool:
        """Whether a weighted sum is searched for that may not worsen some objective, and today's settings may stay."""
        limited = any(objective.maximum_worsening is not None for objective in self._evaluation.problem.objectives)
        return limited and self._state.scale is not None and self._state.current.violations[0] == 0.0

    def _worsening(self, population: Population) -> Floats:
        if not len(population.points):
            return np.zeros(0)
        today = self._evaluation.values(self._state.current)[0]
        return worsening(self._evaluation.values(population), today, self._evaluation.problem.objectives)

    def _sums(self, population: Population) -> Floats:
        assert self._state.scale is not None
        weights = weights_of(self._evaluation.problem.objectives)
        return scaled(population.objectives, self._state.scale) @ weights


def _joined(population: Population, others: Sequence[Population]) -> Population:
    """All rows, each point once."""
    for other in others:
        population = population.join(other)
    return population.take(np.sort(np.unique(population.points, axis=0, return_index=True)[1]))
