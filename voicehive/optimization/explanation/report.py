"""Makes the result of an optimisation from its archive: the front, the choice, and everything that explains it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization import choice
from voicehive.optimization.arrays import Floats
from voicehive.optimization.checkpoint import Checkpoint
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evaluators.table import Table
from voicehive.optimization.evolution.archive import reduce
from voicehive.optimization.evolution.population import MOST_OBJECTIVES_BY_DOMINANCE, Population
from voicehive.optimization.evolution.preferences import representatives
from voicehive.optimization.explanation import sensitivity
from voicehive.optimization.explanation.adjustments import adjustments
from voicehive.optimization.explanation.confidence import certainty, confidence
from voicehive.optimization.explanation.convergence import growth, history
from voicehive.optimization.explanation.reasons import reasons
from voicehive.optimization.explanation.redundancy import rank_correlations, redundant
from voicehive.optimization.front import extent, hypervolume, scaled
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.result import (
    Adjustment,
    AdviceReport,
    Conflict,
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


class _Front(NamedTuple):
    """The rows of the answer, scaled by their ideal and nadir, and how they fare under random weightings."""

    rows: Population
    recommended: int
    points: Floats
    weights: Floats
    achieved: Floats


def report(evaluation: Evaluation, state: Checkpoint, account: Account) -> OptimizationResult:
    """Choose from the archive of a search, and explain the choice."""
    problem, rng = evaluation.problem, np.random.default_rng([account.seed, 1])
    current = state.current if len(state.current.points) else None
    chosen = _choose(evaluation, state.archive, current)
    front = _front(evaluation, state.archive, chosen, current, rng)
    solutions = evaluation.solutions(front.rows)
    today = _today(evaluation, front, current)
    alternatives = _alternatives(evaluation, front, current, account.advice)
    acceptable, weightings = _acceptability(evaluation, state.archive, chosen, rng)
    correlations = rank_correlations(front.rows.objectives)
    grown = history(state.snapshots, front.rows.objectives)
    volume = hypervolume(front.points)
    whole = account.stopped_by in ("exhausted", "ranked")
    return OptimizationResult(
        front=solutions,
        current=today,
        recommended=front.recommended,
        alternatives=alternatives,
        reasons=reasons(
            solutions[front.recommended],
            today,
            problem.objectives,
            _method(evaluation, chosen, today, solutions[front.recommended].feasible),
            f"in the best tenth of these under {acceptable:.0%} of {weightings:,} random weightings",
        ),
        feasible=solutions[front.recommended].feasible,
        hypervolume=volume.value,
        hypervolume_exact=volume.exact,
        acceptability=acceptable,
        acceptabilities=_acceptabilities(front, alternatives),
        convergence=grown,
        correlations=tuple(map(tuple, correlations.tolist())),
        redundant_objectives=_redundant(evaluation, correlations),
        weight_intervals=_weight_intervals(evaluation, front),
        adjustments=_adjustments(evaluation, front, current, rng),
        confidence=confidence(
            acceptability=acceptable,
            margin=_margin(evaluation, front, current, rng),
            certainty=_certainty(evaluation, front),
            convergence=1.0 if whole else 1.0 - growth(grown),
        ),
        conflict=account.conflict,
        advice=account.advice,
        evaluations=state.evaluations,
        quarantined=state.quarantined,
        duration_seconds=account.seconds,
        seed=account.seed,
        strategy=problem.strategy,
        algorithm=account.algorithm,
        algorithm_reason=account.reason,
        stopped_by=account.stopped_by,
    )


def _choose(evaluation: Evaluation, archive: Population, current: Population | None) -> choice.Choice:
    values = evaluation.values(archive)
    today = None if current is None else evaluation.values(current)[0]
    objectives = evaluation.problem.objectives
    if evaluation.problem.strategy == "weighted_sum":
        violations = archive.violations
        eligible = np.flatnonzero(violations <= violations.min() + choice.TOLERANCE)
        signed = archive.objectives[eligible]
        sums = scaled(signed, signed) @ choice.weights_of(objectives)
        return choice.Choice(int(eligible[sums.argmin()]), eligible, True)
    return choice.choose(values, archive.violations, today, objectives, evaluation.deviations(archive))


def _front(
    evaluation: Evaluation,
    archive: Population,
    chosen: choice.Choice,
    current: Population | None,
    rng: np.random.Generator,
) -> _Front:
    """Reduce the archive to the declared size, the chosen row and those that the alternatives need kept."""
    rows = _kept(archive, chosen.chosen, current, evaluation.problem.front_size, rng)
    front = archive.take(rows)
    points = scaled(front.objectives, front.objectives)
    weights = choice.weights_of(evaluation.problem.objectives)
    drawn = sensitivity.weightings(weights, len(points), rng)
    place = int(np.flatnonzero(rows == chosen.chosen)[0])
    return _Front(front, place, points, weights, choice.achievement(points, drawn))


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


def _today(evaluation: Evaluation, front: _Front, current: Population | None) -> Solution | None:
    if current is None:
        return None
    places = np.flatnonzero((front.rows.points == current.points).all(axis=1))
    index = int(places[0]) if places.size else -1
    return evaluation.solutions(current)[0].model_copy(update={"index": index})


def _alternatives(
    evaluation: Evaluation, front: _Front, current: Population | None, advice: AdviceReport | None
) -> dict[str, int]:
    objectives, points = evaluation.problem.objectives, front.points
    found = {
        "knee": choice.knee(points),
        "cheapest": int(np.lexsort((points.sum(axis=1), points[:, _cost(objectives)]))[0]),
        "topsis": int(choice.topsis(points, front.weights).argmax()),
        "pseudo_weights": choice.by_pseudo_weights(points, front.weights),
    }
    safety = np.array([objective.category == "safety" for objective in objectives], dtype=np.bool_)
    guarded = np.array([c.category == "safety" for c in evaluation.problem.hard_constraints], dtype=np.bool_)
    safest = choice.safest(front.rows.excesses, points, safety, guarded)
    if safest is not None:
        found["safest"] = safest
    if current is not None:
        found["nearest_to_current"] = choice.nearest(front.rows.points, current.points[0])
    if advice is not None:
        weights = np.array([advice.preferences.get(objective.name, 1.0) for objective in objectives]) * front.weights
        found["advised"] = int(choice.achievement(points, weights / weights.sum()).argmin())
    return found


def _cost(objectives: tuple[Objective, ...]) -> int:
    """The objective that says what a solution costs: by its name, or else the first that is minimised."""
    named = [place for place, objective in enumerate(objectives) if "cost" in objective.name.lower()]
    lower = [place for place, objective in enumerate(objectives) if objective.direction == "minimize"]
    return (named or lower or [0])[0]


def _acceptability(
    evaluation: Evaluation, archive: Population, chosen: choice.Choice, rng: np.random.Generator
) -> tuple[float, int]:
    """The recommendation's, among the rows it was chosen from; and over how many weightings."""
    signed = archive.objectives[chosen.eligible]
    drawn = sensitivity.weightings(choice.weights_of(evaluation.problem.objectives), len(signed), rng)
    achieved = choice.achievement(scaled(signed, signed), drawn)
    place = int(np.flatnonzero(chosen.eligible == chosen.chosen)[0])
    return sensitivity.acceptability(achieved, place), len(drawn)


def _margin(evaluation: Evaluation, front: _Front, current: Population | None, rng: np.random.Generator) -> float:
    """How robustly the recommendation is preferred to today's settings; 1 where these are unknown or infeasible."""
    recommended = front.rows.take(np.array([front.recommended]))
    if current is None or current.violations[0] > recommended.violations[0]:
        return 1.0
    span = extent(np.concatenate([front.rows.objectives, current.objectives]))
    gain = (current.objectives - recommended.objectives)[0] / span
    return sensitivity.preference(gain, front.weights, rng)


def _acceptabilities(front: _Front, alternatives: dict[str, int]) -> dict[str, float]:
    first = sensitivity.first_ranks(front.achieved)
    return {name: float(first[row]) for name, row in {"recommended": front.recommended, **alternatives}.items()}


def _method(evaluation: Evaluation, chosen: choice.Choice, today: Solution | None, feasible: bool) -> str:
    among = f"{len(chosen.eligible):,} candidates are {'feasible' if feasible else 'least violating'}"
    if evaluation.problem.strategy == "weighted_sum":
        return f"{among}; of these it has the least weighted sum of scaled objectives"
    if today is not None:
        within = "no worse than today beyond what each objective allows" if chosen.within_limits else "the least worse"
        among = f"{among} and {within}"
    return f"{among}; of these it has the least augmented Chebyshev achievement under the given weights"


def _redundant(evaluation: Evaluation, correlations: Floats) -> tuple[RedundantObjective, ...]:
    names = [objective.name for objective in evaluation.problem.objectives]
    return tuple(
        RedundantObjective(name=names[index], explained_by=names[explained_by], correlation=correlation)
        for index, explained_by, correlation in redundant(correlations)
    )


def _weight_intervals(evaluation: Evaluation, front: _Front) -> dict[str, tuple[float, float]]:
    """Of the weighted sum's winner; only where that is what was asked for."""
    if evaluation.problem.strategy != "weighted_sum":
        return {}
    intervals = sensitivity.weight_intervals(front.points, front.recommended, front.weights).tolist()
    return {o.name: (low, high) for o, (low, high) in zip(evaluation.problem.objectives, intervals, strict=True)}


def _adjustments(
    evaluation: Evaluation, front: _Front, current: Population | None, rng: np.random.Generator
) -> tuple[Adjustment, ...]:
    if current is None or isinstance(evaluation.problem.evaluator, Table):
        return ()
    chosen = front.rows.take(np.array([front.recommended]))
    return adjustments(evaluation, current, chosen, extent(front.rows.objectives), rng)


def _certainty(evaluation: Evaluation, front: _Front) -> float:
    deviations = evaluation.deviations(front.rows)[front.recommended]
    return certainty(deviations, extent(front.rows.objectives), front.weights)
