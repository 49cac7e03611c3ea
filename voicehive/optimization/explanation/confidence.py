"""How far a recommendation may be relied on, in parts."""

import numpy as np

from voicehive.optimization import choice
from voicehive.optimization.arrays import Floats
from voicehive.optimization.evaluators.surrogate import deviation_of
from voicehive.optimization.front import extent
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.result import OptimizationConfidence, OptimizationResult


def confidence(
    *, acceptability: float, margin: float, certainty: float, convergence: float, feasible: bool
) -> OptimizationConfidence:
    """The parts, each from 0 to 1, and their geometric mean; see `OptimizationConfidence`."""
    return OptimizationConfidence(
        value=(acceptability * margin * certainty * convergence) ** 0.25 if feasible else 0.0,
        acceptability=acceptability,
        margin=margin,
        certainty=certainty,
        convergence=convergence,
    )


def certainty_of(solution: Solution, result: OptimizationResult, objectives: tuple[Objective, ...]) -> float | None:
    """How certain the evaluator is of any solution, as `certainty`; None where it states no deviations."""
    deviations = [solution.outcomes.get(deviation_of(objective.name)) for objective in objectives]
    if all(deviation is None for deviation in deviations):
        return None
    rows = (solution, *result.front)
    values = np.array([[row.outcomes[objective.name] for objective in objectives] for row in rows])
    stated = np.array([deviation or 0.0 for deviation in deviations])
    return certainty(stated, extent(values), choice.weights_of(objectives))


def certainty(deviations: Floats, extents: Floats, weights: Floats) -> float:
    """1 less the weighted mean of posterior deviations (M,), relative to extents above 0 (M,); at least 0."""
    return float(np.clip(1.0 - (deviations / extents) @ weights, 0.0, 1.0))
