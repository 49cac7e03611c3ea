"""Our side: the optimiser as anyone uses it, on a test problem."""

from datetime import timedelta
from typing import Any

import numpy as np
import pymoo.core.problem
from numpy.typing import NDArray

from benchmarks.peers.quality import reduced
from benchmarks.peers.run import Floats, Run, answer, timed
from voicehive.optimization import (
    Budget,
    Constraint,
    MultiObjectiveOptimizer,
    Objective,
    Parameter,
    Problem,
    PythonFunction,
)
from voicehive.optimization.result import OptimizationResult

OURS = "ours"
FRONTS = 3
"""So many times as many solutions as the peers return are asked for, and then reduced to as many."""


class TestProblemEvaluator:
    """Evaluates a pymoo problem from columns of settings."""

    def __init__(self, problem: pymoo.core.problem.Problem) -> None:
        self._problem = problem
        self._outcomes = outcome_names(problem)

    def evaluate(self, columns: dict[str, NDArray[Any]]) -> dict[str, Floats]:
        """Compute objectives and constraints, an array (N,) each."""
        points = np.stack(list(columns.values()), axis=1)
        values, excesses = self._problem.evaluate(points, return_values_of=["F", "G"])
        return dict(zip(self._outcomes, (*values.T, *excesses.T), strict=True))


def outcome_names(problem: pymoo.core.problem.Problem) -> tuple[str, ...]:
    """Names for the objectives, then for the constraints' excesses."""
    objectives = (f"f{number}" for number in range(1, problem.n_obj + 1))
    return (*objectives, *(f"g{number}" for number in range(1, problem.n_ieq_constr + 1)))


def problem_of(problem: pymoo.core.problem.Problem, size: int, generations: int, seed: int, front_size: int) -> Problem:
    """The test problem in our terms; every objective may be traded.

    Today's settings are drawn at random: in the middle of their bounds they would give DTLZ's optimum away.
    """
    drawn = problem.xl + np.random.default_rng(seed).random(problem.n_var) * (problem.xu - problem.xl)
    bounds = zip(problem.xl.tolist(), problem.xu.tolist(), drawn.tolist(), strict=True)
    names = outcome_names(problem)
    budget = {"population": size, "generations": generations, "evaluations": size * generations}
    return Problem(
        parameters=tuple(
            Parameter(name=f"x{number}", kind="real", low=low, high=high, current=current)
            for number, (low, high, current) in enumerate(bounds, start=1)
        ),
        objectives=tuple(
            Objective(name=name, direction="minimize", maximum_worsening=None) for name in names[: problem.n_obj]
        ),
        constraints=tuple(Constraint(subject=name, at_most=0.0) for name in names[problem.n_obj :]),
        evaluator=PythonFunction(kind="python", entry_point="benchmark", outcomes=names),
        budget=Budget(**budget, time=timedelta(hours=1)),
        seed=seed,
        front_size=front_size,
    )


def run_voicehive(
    test_problem: pymoo.core.problem.Problem, size: int, generations: int, seed: int, front_size: int | None = None
) -> Run:
    """Search, choose and explain; the answer is the result's front, reduced to `size` solutions. All of it is timed."""
    problem = problem_of(test_problem, size, generations, seed, front_size or FRONTS * size)
    evaluator = TestProblemEvaluator(test_problem)

    def optimize() -> tuple[Floats, Floats, int]:
        result = MultiObjectiveOptimizer(problem, evaluator=evaluator).optimize()
        return *_reduced(result, problem, size), result.evaluations

    (objectives, violations, evaluations), seconds = timed(optimize)
    return answer(objectives, violations, evaluations, seconds)


def _reduced(result: OptimizationResult, problem: Problem, size: int) -> tuple[Floats, Floats]:
    names = [objective.name for objective in problem.objectives]
    objectives = np.array([[solution.outcomes[name] for name in names] for solution in result.front])
    violations = np.array([[solution.violation] for solution in result.front])
    return reduced(objectives, violations, size)
