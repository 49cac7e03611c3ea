"""The optimiser: searches a problem's settings, or ranks those it is given, and answers with a front and a choice."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, reduce

import numpy as np

from voicehive.optimization.advising.advice import Adviser
from voicehive.optimization.checkpoint import Checkpoint
from voicehive.optimization.errors import InvalidCandidate, InvalidOutcome, OptimizationError
from voicehive.optimization.evaluation import Evaluation, Judged
from voicehive.optimization.evaluators.description import PopulationEvaluator
from voicehive.optimization.evaluators.table import Table
from voicehive.optimization.evolution.archive import Archive
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.explanation.report import Account, report
from voicehive.optimization.models import Budget, Progress, Solution
from voicehive.optimization.parameter import Setting, Settings
from voicehive.optimization.problem import Problem
from voicehive.optimization.ranking import best_rows
from voicehive.optimization.result import OptimizationResult
from voicehive.optimization.satisfaction.discrete_problem import Satisfaction
from voicehive.optimization.satisfaction.unsatisfied import conflict_among
from voicehive.optimization.search import Search


class MultiObjectiveOptimizer:
    """Optimises one problem. Equal problems, budgets and seeds give equal results, unless time ends a search.

    Args:
        problem: with its data inline (see `Problem.with_data`).
        budget: instead of the problem's own.
        seed: instead of the problem's own.
        evaluator: instead of the one that the problem describes; it computes the same outcomes.
        adviser: whom the strategy `hybrid_ai` asks.

    Raises:
        InvalidData: the problem still names a file, or its data cannot be used.
        EvaluatorRefused: the evaluator is not installed, or not usable as described.
    """

    def __init__(
        self,
        problem: Problem,
        budget: Budget | None = None,
        seed: int | None = None,
        *,
        evaluator: PopulationEvaluator | None = None,
        adviser: Adviser | None = None,
    ) -> None:
        self.problem = problem
        self.budget = budget or problem.budget
        self.seed = problem.seed if seed is None else seed
        self._adviser = adviser
        self._evaluation = Evaluation(problem, evaluator)

    def optimize(
        self, progress: Callable[[Progress], None] | None = None, start: Sequence[Settings] = ()
    ) -> OptimizationResult:
        """Search by the problem's strategy, and keep every non-dominated feasible solution seen, up to `front_size`.

        A table's rows are ranked instead.

        Args:
            progress: called after each generation.
            start: settings to begin from besides today's, such as those of a similar problem's front.

        Raises:
            InvalidOutcome: today's settings do not come to numbers.
            EvaluatorFailed, EvaluatorRefused: the evaluator gave nothing, or not what was agreed.
        """
        if (measured := self._evaluation.measured()) is not None:
            reason = f"a table of {len(measured.known):,} measured candidates is ranked, not searched"
            return self._ranked(self._current(), measured, time.perf_counter(), "ranking", reason)
        search = self.search(start=start)
        while (reached := search.step()) is not None:
            if progress is not None:
                progress(reached)
        return self.result(search)

    def search(
        self,
        checkpoint: bytes | None = None,
        *,
        immigrants: Sequence[bytes] = (),
        stream: tuple[int, ...] = (),
        start: Sequence[Settings] = (),
    ) -> Search:
        """Begin a search, or go on with one; step it, or ask and tell, then give it to `result`.

        Args:
            checkpoint: what an earlier search of this problem and seed wrote.
            immigrants: checkpoints of others, whose populations and fronts join.
            stream: tells searches of one problem and seed apart, such as the islands of an archipelago.
            start: settings to begin from besides today's.

        Raises:
            InvalidCheckpoint: a checkpoint is damaged, or of another problem or seed.
            InvalidCandidate: a setting in `start` is unknown, missing or out of reach.
            OptimizationError: the strategy needs an adviser, and there is none.
        """
        if self.problem.strategy == "hybrid_ai" and self._adviser is None:
            raise OptimizationError(
                "strategy 'hybrid_ai' needs an adviser: pass adviser=FallbackAdviser() or OpenAIAdviser(...) of "
                "voicehive.reasoning, or take strategy 'pareto'"
            )
        state = self._begin() if checkpoint is None else Checkpoint.from_bytes(checkpoint, self._origin)
        others = [Checkpoint.from_bytes(content, self._origin) for content in immigrants]
        return Search(
            self._evaluation,
            self.budget,
            self.seed,
            stream,
            state,
            satisfy=self._satisfy if self.problem.strategy == "constraint_satisfaction" else None,
            start=self._evaluation.encoding.encode(start) if start else None,
            immigrants=[population for other in others for population in (other.population, other.archive)],
            finish=self.result,
        )

    def result(self, search: Search) -> OptimizationResult:
        """The best of a search so far."""
        proven = None if search.satisfaction is None else search.satisfaction.conflict
        stop = search.stopped_by or "asked"
        account = Account(search.algorithm, search.algorithm_reason, stop, self.seed, search.seconds, proven)
        return self._finished(search.found, account)

    def merge(self, checkpoints: Sequence[bytes]) -> OptimizationResult:
        """One result of several searches of this problem and seed, such as the islands of an archipelago.

        Raises:
            InvalidCheckpoint: a checkpoint is damaged, or of another problem or seed.
            ValueError: no checkpoints.
        """
        if not checkpoints:
            raise ValueError("checkpoints is empty; give at least one")
        states = [Checkpoint.from_bytes(content, self._origin) for content in checkpoints]
        longest = max(states, key=lambda state: state.generation)
        whole = longest._replace(
            evaluations=sum(state.evaluations for state in states),
            quarantined=sum(state.quarantined for state in states),
            archive=_archived([state.archive for state in states]),
        )
        pattern = self.search(checkpoints[0])
        stop = pattern.reached() or "asked"
        reason = f"{pattern.algorithm_reason}; on {len(states)} islands"
        return self._finished(whole, Account(pattern.algorithm, reason, stop, self.seed, longest.seconds))

    def evaluate(self, candidates: Sequence[Mapping[str, Setting]]) -> OptimizationResult:
        """Rank given candidates, together with today's settings, without a search.

        The front holds those of them that no other dominates; `solutions` gives every candidate's outcomes.

        Raises:
            InvalidCandidate: an unknown or missing parameter, or a value that it may not take in one decision.
            InvalidOutcome: today's settings do not come to numbers.
        """
        started = time.perf_counter()
        current = self._current()
        judged = self._evaluation.evaluate(self._evaluation.encoding.encode(candidates)) if candidates else None
        return self._ranked(current, judged, started, "given candidates", f"{len(candidates):,} candidates were given")

    def solutions(self, candidates: Sequence[Mapping[str, Setting]]) -> tuple[Solution, ...]:
        """Evaluate given candidates one for one, in their order; `index` is the place in `candidates`.

        Raises:
            InvalidCandidate: no candidates, an unknown or missing parameter, or a value out of reach.
            InvalidOutcome: a candidate does not come to numbers.
        """
        if not candidates:
            raise InvalidCandidate("candidates is empty; give at least one set of settings")
        judged = self._evaluation.evaluate(self._evaluation.encoding.encode(candidates))
        if not judged.known.all():
            raise _unknown(candidates[int(np.flatnonzero(~judged.known)[0])])
        return self._evaluation.solutions(judged.population)

    @cached_property
    def _origin(self) -> str:
        """What checkpoints of this problem and seed are told by."""
        return f"{self.problem.content_digest()}-{self.seed}"

    def _satisfy(
        self, current: Population, seconds: float, evaluations: int | None, stopped: Callable[[], bool]
    ) -> Satisfaction:
        from voicehive.optimization.satisfaction.satisfy import satisfy  # noqa: PLC0415 - only this strategy needs it

        return satisfy(
            self._evaluation,
            seconds=seconds,
            seed=self.seed,
            evaluations=evaluations,
            stopped=stopped,
            current=current,
        )

    def _begin(self) -> Checkpoint:
        if isinstance(self.problem.evaluator, Table):
            raise InvalidCandidate("a table's rows are ranked, not searched; call optimize")
        current = self._current()
        return Checkpoint(self._origin, 0, 1, 0, 0.0, current, current, current, (), None)

    def _current(self) -> Population:
        """Today's settings, evaluated; no row where a table does not hold them."""
        encoding = self._evaluation.encoding
        if not self.problem.parameters:
            return self._evaluation.nothing
        judged = self._evaluation.evaluate(encoding.encode([self.problem.current]))
        if not judged.known.all() and not isinstance(self.problem.evaluator, Table):
            raise _unknown(self.problem.current)
        return judged.population

    def _ranked(
        self, current: Population, judged: Judged | None, started: float, algorithm: str, reason: str
    ) -> OptimizationResult:
        population = current if judged is None else current.join(judged.population)
        if not len(population.points):
            raise InvalidOutcome("no candidate comes to finite numbers in every objective; check the data")
        quarantined = 0 if judged is None else int((~judged.known).sum())
        best = best_rows(population, current, self._evaluation)
        conflict = None
        if population.violations.min() > 0.0:
            complete = judged is not None and bool(judged.known.all()) and isinstance(self.problem.evaluator, Table)
            conflict = conflict_among(self._evaluation, population, complete=complete)
        archive = _archived([best.rows])
        state = Checkpoint(
            "", 0, len(population.points) + quarantined, quarantined, 0.0, current, current, archive, (), None
        )
        if best.selection:
            reason += "; of the non-dominated rows, too many to compare, those best for some preference are shown"
        seconds = time.perf_counter() - started
        return self._finished(state, Account(algorithm, reason, "ranked", self.seed, seconds, conflict))

    def _finished(self, state: Checkpoint, account: Account) -> OptimizationResult:
        started = time.perf_counter()
        state = state._replace(archive=_with_today(state.archive, state.current))
        feasible = state.archive.violations.min() == 0.0
        conflict = None if feasible else account.conflict or conflict_among(self._evaluation, state.archive)
        account = account._replace(conflict=conflict)
        result = report(self._evaluation, state, account)
        if self._adviser is not None and self.problem.strategy == "hybrid_ai":
            from voicehive.optimization.advising.take_advice import take_advice  # noqa: PLC0415 - only this strategy needs it

            advice, kept = take_advice(self._evaluation, self._adviser, result, state.archive)
            archive = _archived([state.archive, kept])
            evaluations = state.evaluations + len(advice.proposals)
            state = state._replace(archive=archive, evaluations=evaluations)
            result = report(self._evaluation, state, account._replace(advice=advice))
        explaining = time.perf_counter() - started
        timings = {"search": account.seconds, "explanation": explaining}
        return result.model_copy(update={"timings": timings, "duration_seconds": account.seconds + explaining})


def _archived(populations: Sequence[Population]) -> Population:
    joined = reduce(Population.join, populations)
    archive = Archive(len(joined.points))
    archive.add(joined)
    return archive.rows


def _with_today(archive: Population, current: Population) -> Population:
    """Today's settings stay among the candidates, unless another is better: nothing may be worse than keeping them."""
    if not len(current.points) or current.violations[0] > archive.violations.min():
        return archive
    reached = (archive.objectives <= current.objectives[0]).all(axis=1).any()
    return archive if reached else archive.join(current)


def _unknown(settings: Mapping[str, Setting]) -> InvalidOutcome:
    return InvalidOutcome(f"an outcome is not a finite number at {dict(settings)}; check the evaluator's input")
