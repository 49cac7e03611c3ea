"""Says why nothing that a search saw is feasible, and what would have to give way."""

import numpy as np

from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.result import Conflict
from voicehive.optimization.satisfaction.conflict import cheapest_relaxation, sampled_conflict
from voicehive.optimization.satisfaction.relaxation import relaxations, relaxed_alone


def conflict_among(evaluation: Evaluation, archive: Population, *, complete: bool = False) -> Conflict:
    """The minimal set of constraints that no row of an archive meets together, and the cheapest relaxation in it.

    Args:
        complete: the rows are all there are, so that the conflict is proven.
    """
    constraints = evaluation.problem.hard_constraints
    names = [constraint.label for constraint in constraints]
    relaxable = np.array([constraint.category != "safety" for constraint in constraints], dtype=np.bool_)
    conflicting = tuple(names[index] for index in sampled_conflict(archive.excesses))
    relaxed = cheapest_relaxation(archive.excesses, relaxable)
    if relaxed is None:
        return Conflict(constraints=conflicting, proven=complete)
    row = archive.take(np.array([relaxed.row]))
    return Conflict(
        constraints=conflicting,
        proven=complete,
        relaxations=relaxations(evaluation, row),
        alone=relaxed_alone(evaluation, archive, relaxable),
        solution=evaluation.solutions(row)[0],
    )
