"""The optimiser: searches a problem's settings, or ranks those it is given, and answers with a front and a choice."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization import choice
from voicehive.optimization.contact_centre_evaluator import ContactCentreEvaluator
from voicehive.optimization.encoding import Encoding
from voicehive.optimization.erlang_a import Floats
from voicehive.optimization.errors import InvalidCandidate, InvalidOutcome
from voicehive.optimization.front import hypervolume, non_dominated, scaled, thin
from voicehive.optimization.models import Budget, OptimizationResult, Progress, Setting, Settings, Solution
from voicehive.optimization.problem import Problem

_ARCHIVE_LIMIT = 5_000


class Evaluated(NamedTuple):
    """Candidates with what they come to: encoded points (N, P), outcomes (N, K), excesses over constraints (N, C)."""

    points: Floats
    outcomes: Floats
    excesses: Floats

    @property
    def violations(self) -> Floats:
        """The sum of the relative excesses (N,); 0 where feasible."""
        return np.maximum(self.excesses, 0.0).sum(axis=1)

    def take(self, rows: NDArray[Any]) -> "Evaluated":
        """Keep some rows."""
        return Evaluated(*(part[rows] for part in self))

    def join(self, other: "Evaluated") -> "Evaluated":
        """Append another's rows."""
        return Evaluated(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class MultiObjectiveOptimizer:
    """Optimises one problem. Equal problems, budgets and seeds give equal results, unless time ends a search.

    Args:
        problem: with its arrivals inline (see `Problem.with_data`).
        budget: instead of the problem's own.
        seed: instead of the problem's own.

    Raises:
        InvalidArrivals: the problem still names a file.
    """

    def __init__(self, problem: Problem, budget: Budget | None = None, seed: int | None = None) -> None:
        self.problem = problem
        self.budget = budget or problem.budget
        self.seed = problem.seed if seed is None else seed
        self._encoding = Encoding(problem.parameters)
        self._evaluator = ContactCentreEvaluator(problem.evaluator)
        self._names = problem.evaluator.OUTCOMES
        self._objective_columns = [self._names.index(objective.name) for objective in problem.objectives]

    def optimize(self, progress: Callable[[Progress], None] | None = None) -> OptimizationResult:
        """Search with NSGA-II and keep every non-dominated feasible solution seen, thinned to `front_size`.

        Args:
            progress: called after each generation.

        Raises:
            InvalidOutcome: the evaluator returned a number that is not finite.
        """
        from voicehive.optimization.nsga2 import EvolutionarySearch  # noqa: PLC0415 - pymoo loads only for a search

        started = time.perf_counter()
        current = self._evaluate(self._encoding.encode([self.problem.current]))
        search = EvolutionarySearch(
            self._encoding,
            self.budget,
            self.seed,
            objectives=len(self.problem.objectives),
            constraints=current.excesses.shape[1],
            start=current.points,
        )
        archive, evaluations, generation = current, 1, 0
        while (points := search.ask()) is not None:
            batch = self._evaluate(points)
            archive = self._archived(archive.join(batch), current)
            evaluations, generation = evaluations + len(points), generation + 1
            if progress is not None:
                progress(Progress(generation, self.budget.generations, evaluations, len(archive.points)))
            if time.perf_counter() - started >= self.budget.time.total_seconds():
                break
            search.tell(self._minimized(batch), batch.excesses)
        return self._result(archive, current, evaluations, started, "NSGA-II")

    def evaluate(self, candidates: Sequence[Mapping[str, Setting]]) -> OptimizationResult:
        """Rank given candidates, together with today's settings, without a search.

        The front holds those of them that no other dominates; `solutions` gives every candidate's outcomes.

        Raises:
            InvalidCandidate: an unknown or missing parameter, or a value that it may not take in one decision.
            InvalidOutcome: the evaluator returned a number that is not finite.
        """
        started = time.perf_counter()
        today = self._encoding.encode([self.problem.current])
        every = self._evaluate(np.concatenate([today, self._encoding.encode(candidates)]) if candidates else today)
        current = every.take(np.array([0]))
        return self._result(self._archived(every, current), current, len(every.points), started, "given candidates")

    def solutions(self, candidates: Sequence[Mapping[str, Setting]]) -> tuple[Solution, ...]:
        """Evaluate given candidates one for one, in their order; `index` is the place in `candidates`.

        Raises:
            InvalidCandidate: no candidates, an unknown or missing parameter, or a value out of reach.
            InvalidOutcome: the evaluator returned a number that is not finite.
        """
        if not candidates:
            raise InvalidCandidate("candidates is empty; give at least one set of settings")
        return self._solutions(self._evaluate(self._encoding.encode(candidates)))

    def preference(self, solution: Solution, result: OptimizationResult) -> float:
        """How robustly a solution is preferred to today's settings, from 0 to 1; see `choice.preference`.

        1 where it is feasible and today's settings are not.
        """
        if solution.feasible and not result.current.feasible:
            return 1.0
        names = [objective.name for objective in self.problem.objectives]
        rows = (result.current, solution, *result.front)
        values = np.array([[row.outcomes[name] for name in names] for row in rows])
        rng = np.random.default_rng(self.seed)
        return choice.preference(values[1], values[0], np.ptp(values, axis=0), self.problem.objectives, rng)

    def _evaluate(self, points: Floats) -> Evaluated:
        columns = self._encoding.decode(points)
        outcomes = self._evaluator.evaluate(columns)
        for name, values in outcomes.items():
            if not np.all(np.isfinite(values)):
                row = int(np.flatnonzero(~np.isfinite(values))[0])
                settings = self._encoding.settings(points[row : row + 1])[0]
                raise InvalidOutcome(f"outcome {name!r} is {values[row]} at {settings}; check the evaluator's input")
        return Evaluated(points, np.stack([outcomes[name] for name in self._names], axis=1), self._excesses(outcomes))

    def _excesses(self, outcomes: Mapping[str, Floats]) -> Floats:
        """How far each constraint is exceeded, relative to its bound (absolute at bound 0); negative inside it."""
        columns: list[Floats] = []
        for constraint in self.problem.constraints:
            bound, sign = (constraint.at_most, 1.0) if constraint.at_most is not None else (constraint.at_least, -1.0)
            if bound is not None:
                columns.append(sign * (outcomes[constraint.subject] - bound) / (abs(bound) or 1.0))
        return np.stack(columns, axis=1) if columns else np.zeros((len(outcomes[self._names[0]]), 0))

    def _values(self, evaluated: Evaluated) -> Floats:
        return evaluated.outcomes[:, self._objective_columns]

    def _minimized(self, evaluated: Evaluated) -> Floats:
        return choice.minimized(self._values(evaluated), self.problem.objectives)

    def _archived(self, evaluated: Evaluated, current: Evaluated) -> Evaluated:
        """Keep what may still be part of the answer, thinned where it grows too large.

        That is the non-dominated feasible rows, or, while there are none, the non-dominated in objectives and violation
        together, which the least violating belong to.
        """
        feasible = evaluated.violations == 0.0
        if feasible.any():
            kept = evaluated.take(feasible)
            kept = kept.take(non_dominated(self._minimized(kept)))
        else:
            kept = evaluated.take(non_dominated(np.column_stack([evaluated.violations, self._minimized(evaluated)])))
        if len(kept.points) <= _ARCHIVE_LIMIT:
            return kept
        values = self._minimized(kept)
        best = np.array([self._choose(kept, current).chosen])
        return kept.take(thin(scaled(values, values), _ARCHIVE_LIMIT * 4 // 5, best))

    def _choose(self, archive: Evaluated, current: Evaluated) -> choice.Choice:
        today = self._values(current)[0]
        return choice.choose(self._values(archive), archive.violations, today, self.problem.objectives)

    def _result(
        self, archive: Evaluated, current: Evaluated, evaluations: int, started: float, algorithm: str
    ) -> OptimizationResult:
        chosen = self._choose(archive, current)
        front, recommended = self._front(archive, chosen.chosen)
        points = scaled(self._minimized(front), self._minimized(front))
        acceptable = self._acceptability(archive, chosen)
        solutions = self._solutions(front)
        today = self._solutions(current)[0]
        places = np.flatnonzero((front.points == current.points).all(axis=1))
        return OptimizationResult(
            front=solutions,
            current=today.model_copy(update={"index": int(places[0]) if places.size else -1}),
            recommended=recommended,
            alternatives={
                "knee": choice.knee(points),
                "cheapest": int(np.lexsort((points.sum(axis=1), points[:, 0]))[0]),
                "nearest_to_current": choice.nearest(front.points, current.points[0]),
            },
            reasons=choice.reasons(
                self._account(front, recommended),
                self._account(current, 0),
                self.problem.objectives,
                chosen,
                acceptable,
            ),
            feasible=solutions[recommended].feasible,
            hypervolume=hypervolume(points),
            acceptability=acceptable,
            evaluations=evaluations,
            duration_seconds=time.perf_counter() - started,
            seed=self.seed,
            algorithm=algorithm,
        )

    def _front(self, archive: Evaluated, chosen: int) -> tuple[Evaluated, int]:
        """Thin the archive to the declared size, the chosen row and those that the alternatives need kept."""
        values = self._minimized(archive)
        points = scaled(values, values)
        if archive.violations.min() > 0.0:
            level = np.maximum(archive.violations, archive.violations[chosen])
            order = np.lexsort((np.arange(len(level)) != chosen, level))[: self.problem.front_size]
            return archive.take(order), 0
        today = self._encoding.encode([self.problem.current])[0]
        keep = np.array([chosen, choice.knee(points), choice.nearest(archive.points, today)])
        rows = thin(points, self.problem.front_size, keep)
        return archive.take(rows), int(np.flatnonzero(rows == chosen)[0])

    def _acceptability(self, archive: Evaluated, chosen: choice.Choice) -> float:
        values = self._minimized(archive)[chosen.eligible]
        position = int(np.flatnonzero(chosen.eligible == chosen.chosen)[0])
        rng = np.random.default_rng(self.seed)
        return choice.acceptability(scaled(values, values), position, self.problem.objectives, rng)

    def _account(self, evaluated: Evaluated, row: int) -> tuple[Settings, Floats, float]:
        settings = self._encoding.settings(evaluated.points[row : row + 1])[0]
        return settings, self._values(evaluated)[row], float(evaluated.violations[row])

    def _solutions(self, evaluated: Evaluated) -> tuple[Solution, ...]:
        settings = self._encoding.settings(evaluated.points)
        rows = zip(settings, evaluated.outcomes.tolist(), evaluated.violations.tolist(), strict=True)
        return tuple(
            Solution(index=index, settings=setting, outcomes=dict(zip(self._names, row, strict=True)), violation=excess)
            for index, (setting, row, excess) in enumerate(rows)
        )
