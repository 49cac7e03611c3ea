"""How robustly any solution is preferred to today's settings."""

import numpy as np

from voicehive.optimization import choice
from voicehive.optimization.explanation import sensitivity
from voicehive.optimization.models import Objective, Solution
from voicehive.optimization.result import OptimizationResult


def preference_over_today(solution: Solution, result: OptimizationResult, objectives: tuple[Objective, ...]) -> float:
    """The share of random weightings, from 0 to 1, under which a solution is better than today's settings.

    1 where it is feasible and today's settings are not, or where nothing is known of today; see
    `sensitivity.preference`. Objectives are scaled by their extent over the front and both.
    """
    if result.current is None or (solution.feasible and not result.current.feasible):
        return 1.0
    rows = (result.current, solution, *result.front)
    values = np.array([[row.outcomes[objective.name] for objective in objectives] for row in rows])
    signed = choice.minimized(values, objectives)
    return sensitivity.preference(signed, choice.weights_of(objectives), np.random.default_rng(result.seed))
