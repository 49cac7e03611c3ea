"""Makes the result of an optimisation from its archive: the front, the choice, and everything that explains it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization import choice
from voicehive.optimization.checkpoint import Checkpoint
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evaluators.table import Table
from voicehive.optimization.evolution.archive import reduce
from voicehive.optimization.evolution.population import MOST_OBJECTIVES_BY_DOMINANCE, Population
from voicehive.optimization.evolution.preferences import representatives
from voicehive.optimization.explanation import sensitivity
from voicehive.optimization.explanation.adjustments import adjustments
from voicehive.optimization.explanation.alternatives import Front, alternatives_of, first_ranks
from voicehive.optimization.explanation.confidence import certainty, confidence
from voicehive.optimization.explanation.convergence import growth, history
from voicehive.optimization.explanation.idle_changes import without_idle_changes
from voicehive.optimization.explanation.reasons import MOST_TOLD, most_moved, reasons
from voicehive.optimization.explanation.redundancy import rank_correlations, redundant
from voicehive.optimization.figures import counted
from voicehive.optimization.front import extent, hypervolume, scaled
from voicehive.optimization.models import Solution
from voicehive.optimization.ranking import measure_of
from voicehive.optimization.result import (
    Adjustment,
    AdviceReport,
    Conflict,
    OptimizationConfidence,
    OptimizationResult,
    RedundantObjective,
    Stop,
)


class Account(NamedTuple):
    """How a result came about: what of it is not in the state of the search."""

    algorithm: str
    reason: str
    stopped_by: Stop
    seed: int
    seconds: float
    conflict: Conflict | None = None
    advice: AdviceReport | None = None


def report(evaluation: Evaluation, state: Checkpoint, account: Account) -> OptimizationResult:
    """Choose from the archive of a search, and explain the choice."""
    rng = np.random.default_rng([account.seed, 1])
    current = state.current if len(state.current.points) else None
    chosen = _choose(evaluation, state.archive, current)
    archive = _settled(evaluation, state.archive, chosen.chosen, current, account)
    front = _front(evaluation, archive, chosen, current, rng)
    solutions = evaluation.solutions(front.rows)
    alternatives = alternatives_of(evaluation, front, current, account.advice)
    acceptable, weightings = _acceptability(evaluation, chosen, rng)
    grown = history(state.snapshots, front.rows.objectives)
    volume = hypervolume(front.points)
    today = _today(evaluation, front, current)
    sensitive = f"in the best tenth of these under {acceptable:.0%} of {weightings:,} random weightings"
    return OptimizationResult(
        front=solutions,
        current=today,
        recommended=front.recommended,
        alternatives=alternatives,
        reasons=_reasons(evaluation, front, chosen, solutions[front.recommended], today, sensitive=sensitive),
        feasible=solutions[front.recommended].feasible,
        hypervolume=volume.value,
        hypervolume_exact=volume.exact,
        acceptability=acceptable,
        acceptabilities=first_ranks(front, alternatives),
        convergence=grown,
        weight_intervals=_weight_intervals(evaluation, chosen),
        adjustments=_adjustments(evaluation, front, current, rng),
        confidence=_confidence(evaluation, front, current, account, acceptable, growth(grown), rng),
        strategy=evaluation.problem.strategy,
        **_correlated(evaluation, front),
        **_course(state, account),
    )


def _course(state: Checkpoint, account: Account) -> dict[str, Any]:
    """How the result came about."""
    return {
        "evaluations": state.evaluations,
        "quarantined": state.quarantined,
        "duration_seconds": account.seconds,
        "seed": account.seed,
        "algorithm": account.algorithm,
        "algorithm_reason": account.reason,
        "stopped_by": account.stopped_by,
        "conflict": account.conflict,
        "advice": account.advice,
    }


def _choose(evaluation: Evaluation, archive: Population, current: Population | None) -> choice.Choice:
    return choice.choose(
        evaluation.values(archive),
        archive.violations,
        None if current is None else evaluation.values(current)[0],
        evaluation.problem.objectives,
        evaluation.deviations(archive),
        measure=measure_of(evaluation),
    )


def _settled(
    evaluation: Evaluation, archive: Population, chosen: int, current: Population | None, account: Account
) -> Population:
    """The archive, its chosen row without changes to no effect; what was given to be ranked stays as it is."""
    if current is None or account.stopped_by == "ranked":
        return archive
    settled = without_idle_changes(evaluation, current, archive.take(np.array([chosen])))
    kept = Population(*(part.copy() for part in archive))
    for part, row in zip(kept, settled, strict=True):
        part[chosen] = row[0]
    return kept


def _front(
    evaluation: Evaluation,
    archive: Population,
    chosen: choice.Choice,
    current: Population | None,
    rng: np.random.Generator,
) -> Front:
    """Reduce the archive to the declared size, the chosen row and those that the alternatives need kept."""
    rows = _kept(archive, chosen.chosen, current, evaluation.problem.front_size, rng)
    front = archive.take(rows)
    points = scaled(front.objectives, front.objectives)
    weights = choice.weights_of(evaluation.problem.objectives)
    drawn = sensitivity.weightings(weights, len(points), rng)
    place = int(np.flatnonzero(rows == chosen.chosen)[0])
    best = np.flatnonzero(front.violations <= front.violations.min() + choice.TOLERANCE)
    return Front(front, place, points, weights, choice.measured(points, drawn, chosen.measure), best)


def _kept(
    archive: Population, chosen: int, current: Population | None, size: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    if archive.violations.min() > 0.0:
        level = np.maximum(archive.violations, archive.violations[chosen])
        return np.lexsort((np.arange(len(level)) != chosen, level))[:size]
    points = scaled(archive.objectives, archive.objectives)
    keep = [chosen, choice.knee(points), *points.argmin(axis=0).tolist()]
    if current is not None:
        keep.insert(1, choice.nearest(archive.points, current.points[0]))
    kept = list(dict.fromkeys(keep))[:size]
    if points.shape[1] > MOST_OBJECTIVES_BY_DOMINANCE:
        return representatives(archive, size, rng, kept)
    if len(points) <= size:
        return np.arange(len(points))
    others = np.setdiff1d(np.arange(len(points)), kept)
    others = others[reduce(archive.take(others), size - len(kept))] if size > len(kept) else others[:0]
    return np.sort(np.concatenate([others, kept]))


def _today(evaluation: Evaluation, front: Front, current: Population | None) -> Solution | None:
    if current is None:
        return None
    places = np.flatnonzero((front.rows.points == current.points).all(axis=1))
    index = int(places[0]) if places.size else -1
    return evaluation.solutions(current)[0].model_copy(update={"index": index})


def _acceptability(evaluation: Evaluation, chosen: choice.Choice, rng: np.random.Generator) -> tuple[float, int]:
    """The recommendation's, among the rows it was chosen from; and over how many weightings."""
    drawn = sensitivity.weightings(choice.weights_of(evaluation.problem.objectives), len(chosen.points), rng)
    achieved = choice.measured(chosen.points, drawn, chosen.measure)
    place = int(np.flatnonzero(chosen.eligible == chosen.chosen)[0])
    return sensitivity.acceptability(achieved, place), len(drawn)


def _margin(front: Front, current: Population | None, rng: np.random.Generator) -> float:
    """How robustly the recommendation is preferred to today's settings, where these are known and other ones."""
    recommended = front.rows.take(np.array([front.recommended]))
    if current is None or current.violations[0] > recommended.violations[0]:
        return 1.0
    if np.array_equal(current.points, recommended.points):
        return 1.0
    return sensitivity.preference(
        np.concatenate([current.objectives, recommended.objectives, front.rows.objectives]), front.weights, rng
    )


def _confidence(  # noqa: PLR0917 - all that it is made of
    evaluation: Evaluation,
    front: Front,
    current: Population | None,
    account: Account,
    acceptable: float,
    grown: float,
    rng: np.random.Generator,
) -> OptimizationConfidence:
    whole = account.stopped_by in ("exhausted", "ranked")
    return confidence(
        acceptability=acceptable,
        margin=_margin(front, current, rng),
        certainty=_certainty(evaluation, front),
        convergence=1.0 if whole else 1.0 - grown,
        feasible=bool(front.rows.violations[front.recommended] == 0.0),
    )


def _method(chosen: choice.Choice, today: Solution | None, feasible: bool) -> str:
    one = len(chosen.eligible) == 1
    kind = "feasible" if feasible else "least violating"
    among = f"{counted(len(chosen.eligible), 'candidate')} {'is' if one else 'are'} {kind}"
    if today is not None:
        within = "no worse than today beyond what each objective allows" if chosen.within_limits else "the least worse"
        among = f"{among} and {within}"
    if chosen.measure == "weighted_sum":
        return f"{among}; of these it has the least weighted sum of scaled objectives"
    return f"{among}; of these it has the least augmented Chebyshev achievement under the given weights"


def _reasons(
    evaluation: Evaluation,
    front: Front,
    chosen: choice.Choice,
    recommended: Solution,
    today: Solution | None,
    *,
    sensitive: str,
) -> tuple[str, ...]:
    moves = np.zeros(len(evaluation.order))
    if today is not None:
        before = np.array([today.outcomes[objective.name] for objective in evaluation.problem.objectives])
        after = np.array([recommended.outcomes[objective.name] for objective in evaluation.problem.objectives])
        spread = np.ptp(np.vstack([evaluation.values(front.rows), before]), axis=0)
        moves = np.divide(np.abs(after - before), spread, out=moves, where=spread > 0.0)
    told = most_moved(evaluation.given.objectives, moves[evaluation.order].tolist(), MOST_TOLD)
    method = _method(chosen, today, recommended.feasible)
    return reasons(recommended, today, evaluation.given.objectives, told=told, method=method, acceptable=sensitive)


def _correlated(evaluation: Evaluation, front: Front) -> dict[str, Any]:
    """How the objectives go together, in the order in which they were given."""
    correlations = rank_correlations(front.rows.objectives[:, evaluation.order])
    names = [objective.name for objective in evaluation.given.objectives]
    alike = tuple(
        RedundantObjective(name=names[index], explained_by=names[explained_by], correlation=correlation)
        for index, explained_by, correlation in redundant(correlations)
    )
    rows: list[list[float]] = correlations.tolist()
    return {"correlations": tuple(tuple(row) for row in rows), "redundant_objectives": alike}


def _weight_intervals(evaluation: Evaluation, chosen: choice.Choice) -> dict[str, tuple[float, float]]:
    """Of the weighted sum's winner among the rows it was chosen from; only where that is what was asked for."""
    if chosen.measure != "weighted_sum":
        return {}
    weights = choice.weights_of(evaluation.problem.objectives)
    winner = int(np.flatnonzero(chosen.eligible == chosen.chosen)[0])
    intervals = sensitivity.weight_intervals(chosen.points, winner, weights).tolist()
    names = [objective.name for objective in evaluation.problem.objectives]
    return {names[place]: (intervals[place][0], intervals[place][1]) for place in evaluation.order}


def _adjustments(
    evaluation: Evaluation, front: Front, current: Population | None, rng: np.random.Generator
) -> tuple[Adjustment, ...]:
    if current is None or isinstance(evaluation.problem.evaluator, Table):
        return ()
    chosen = front.rows.take(np.array([front.recommended]))
    return adjustments(evaluation, current, chosen, extent(front.rows.objectives), rng)


def _certainty(evaluation: Evaluation, front: Front) -> float:
    deviations = evaluation.deviations(front.rows)[front.recommended]
    return certainty(deviations, extent(front.rows.objectives), front.weights)
