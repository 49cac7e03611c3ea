"""Sets back what a recommendation would change to no effect: on a live system no change is for nothing."""

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population

_ROUNDING = 1e-12


def without_idle_changes(evaluation: Evaluation, current: Population, chosen: Population) -> Population:
    """The chosen row, with today's settings wherever these alter no objective and no hard constraint.

    Each change is taken back alone, all in one batch. Those without effect are then taken back together, if that has
    none either; otherwise the first of them, and the others are tried anew.

    Args:
        current: today's settings, one row.
        chosen: one row.
    """
    while (changed := np.flatnonzero(chosen.points[0] != current.points[0])).size:
        alone = np.repeat(chosen.points, len(changed), axis=0)
        alone[np.arange(len(changed)), changed] = current.points[0, changed]
        idle, rows = _equal(evaluation, alone, chosen)
        if not idle.any():
            break
        together = chosen.points.copy()
        together[0, changed[idle]] = current.points[0, changed[idle]]
        equal, joint = _equal(evaluation, together, chosen)
        if equal[0]:
            return joint
        chosen = rows.take(np.array([0]))
    return chosen


def _equal(evaluation: Evaluation, points: NDArray[np.float64], to: Population) -> tuple[NDArray[np.bool_], Population]:
    """Which of the points come to the same as a row, but for rounding, and these evaluated."""
    judged = evaluation.evaluate(points)
    found = judged.population
    values, wanted = (np.concatenate([rows.objectives, rows.excesses], axis=1) for rows in (found, to))
    same = (np.abs(values - wanted) <= _ROUNDING * np.abs(wanted)).all(axis=1)
    equal = np.zeros(len(points), dtype=np.bool_)
    equal[judged.known] = same
    return equal, found.take(np.flatnonzero(same))
