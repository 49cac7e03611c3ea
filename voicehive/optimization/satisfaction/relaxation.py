"""How far constraints have to give way, told in their own units."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.models import Constraint
from voicehive.optimization.problem import Problem
from voicehive.optimization.result import Relaxation


def relaxations(evaluation: Evaluation, row: Population) -> tuple[Relaxation, ...]:
    """What has to give way for the one row of a population to be feasible."""
    [solution] = evaluation.solutions(row)
    constraints = evaluation.problem.hard_constraints
    return tuple(
        # A strict comparison at equality does not hold, though its slack is 0: it then gives way by its excess.
        _relaxation(evaluation.problem, constraint, -solution.slacks[constraint.label] or excess)
        for constraint, excess in zip(constraints, row.excesses[0].tolist(), strict=True)
        if excess > 0.0
    )


def relaxed_alone(evaluation: Evaluation, rows: Population, relaxable: NDArray[np.bool_]) -> tuple[Relaxation, ...]:
    """For each constraint that suffices if it alone gives way: the least by which, among the rows of a population."""
    return tuple(
        relaxation
        for row in _breaking_one(rows.excesses, relaxable)
        for relaxation in relaxations(evaluation, rows.take(np.array([row])))
    )


def _breaking_one(excesses: Floats, relaxable: NDArray[np.bool_]) -> Iterator[int]:
    broken = ~(excesses <= 0.0)
    alone = broken.sum(axis=1) == 1
    for column in np.flatnonzero(relaxable).tolist():
        rows = np.flatnonzero(alone & broken[:, column] & np.isfinite(excesses[:, column]))
        if len(rows):
            yield int(rows[excesses[rows, column].argmin()])


def _relaxation(problem: Problem, constraint: Constraint, by: float) -> Relaxation:
    units = {each.name: each.unit for each in (*problem.parameters, *problem.objectives)}
    to = None
    if constraint.at_most is not None:
        to = constraint.at_most + by
    elif constraint.at_least is not None:
        to = constraint.at_least - by
    return Relaxation(constraint=constraint.label, by=by, to=to, unit=units.get(constraint.subject, ""))
