"""Says why nothing that a search saw is feasible, and what would have to give way."""

import numpy as np

from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.result import Conflict, Relaxation
from voicehive.optimization.satisfaction.conflict import cheapest_relaxation, sampled_conflict


def conflict_among(evaluation: Evaluation, archive: Population) -> Conflict:
    """The minimal set of constraints that no row of an archive meets together, and the cheapest relaxation in it."""
    constraints = evaluation.problem.hard_constraints
    names = [constraint.label for constraint in constraints]
    relaxable = np.array([constraint.category != "safety" for constraint in constraints], dtype=np.bool_)
    conflicting = tuple(names[index] for index in sampled_conflict(archive.excesses))
    relaxed = cheapest_relaxation(archive.excesses, relaxable)
    if relaxed is None:
        return Conflict(constraints=conflicting, proven=False)
    solution = evaluation.solutions(archive.take(np.array([relaxed.row])))[0]
    by = {name: -solution.slacks[name] for name in names if solution.slacks[name] < 0.0}
    return Conflict(
        constraints=conflicting,
        proven=False,
        relaxations=tuple(Relaxation(constraint=name, by=amount) for name, amount in by.items()),
        solution=solution,
    )
