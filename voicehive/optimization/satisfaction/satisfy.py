"""Settings that meet every hard constraint, or the proof that there are none, what conflicts, and the cheapest way out.

For problems in which everything can be counted: few candidates are enumerated, more are left to CP-SAT.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from voicehive.optimization.evaluation import Evaluation
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.models import Constraint, Objective
from voicehive.optimization.satisfaction.by_enumeration import satisfy_by_enumeration
from voicehive.optimization.satisfaction.discrete_problem import MOST_SOLUTIONS, Candidates, Satisfaction, never

TABULATED_CELLS = 200_000
"""At most so many combinations of values are tabulated, for a whole problem or for one of its constraints."""


class _Limits(NamedTuple):
    deadline: float
    evaluations: int | None
    tabulated_cells: int
    stopped: Callable[[], bool]


def satisfy(
    evaluation: Evaluation,
    *,
    seconds: float,
    seed: int = 1,
    wanted: int = MOST_SOLUTIONS,
    tabulated_cells: int = TABULATED_CELLS,
    evaluations: int | None = None,
    stopped: Callable[[], bool] = never,
    current: Population | None = None,
) -> Satisfaction:
    """Seek settings that meet every hard constraint, the best weighted sum of objectives first.

    Each objective counts by its weight over the extent between its best and its worst value among all candidates; soft
    constraints that are charged to it are added at their price. With equal seeds the answer is equal, unless the time
    has cut it short. What holds is what the problem's own evaluator and constraints say: every solution has been judged
    by them.

    Args:
        evaluation: of the problem.
        seconds: how long it may take, wall-clock.
        seed: of CP-SAT's choices.
        wanted: at most so many solutions.
        tabulated_cells: at most so many candidates are enumerated, or combinations tabulated for one constraint; set
            it lower where evaluation is slow.
        evaluations: at most so many candidates are evaluated in all; None: as many as it takes.
        stopped: asked now and then; once it is true, what was found so far is the answer.
        current: today's settings, evaluated (1, P). Where they are feasible, solutions that are no worse than the
            objectives' `maximum_worsening` allows come first.

    Raises:
        EvaluatorFailed, EvaluatorRefused: the evaluator gave nothing, or not what was agreed.
    """
    parameters = evaluation.problem.parameters
    uncountable = [parameter.name for parameter in parameters if parameter.cells == 0]
    if uncountable or not parameters:
        what = f"{uncountable[0]!r} is real" if uncountable else "there are no parameters"
        return Satisfaction("not_modelled", f"not by CP-SAT: not everything can be counted: {what}")
    limits = _Limits(time.monotonic() + seconds, evaluations, tabulated_cells, stopped)
    spent = 0
    if limited := _no_worse(evaluation, current):
        found = _satisfied(evaluation.with_constraints(limited), limits, seed, wanted)
        if found.solutions:
            return found._replace(reason=f"{found.reason}, among what is no worse than today beyond what is allowed")
        spent = found.evaluations
        limits = limits._replace(evaluations=None if evaluations is None else max(0, evaluations - spent))
    found = _satisfied(evaluation, limits, seed, wanted)
    return found._replace(evaluations=spent + found.evaluations)


def _satisfied(evaluation: Evaluation, limits: _Limits, seed: int, wanted: int) -> Satisfaction:
    candidates = Candidates(evaluation, limits.evaluations, limits.stopped)
    if float(np.prod(candidates.cells.astype(np.float64))) <= min(limits.tabulated_cells, candidates.room):
        return satisfy_by_enumeration(candidates, limits.deadline, wanted)
    from voicehive.optimization.satisfaction.by_cp_sat import satisfy_by_cp_sat  # noqa: PLC0415 - ortools loads slowly

    return satisfy_by_cp_sat(candidates, limits.deadline, seed, wanted, limits.tabulated_cells)


def _no_worse(evaluation: Evaluation, current: Population | None) -> list[Constraint]:
    """What keeps each objective from falling behind today's value further than it may.

    Where soft constraints are charged to an objective it is bounded without what it is charged, which leaves out too
    little rather than too much.
    """
    if current is None or not len(current.points) or current.violations[0] > 0.0:
        return []
    today = evaluation.values(current)[0].tolist()
    objectives = evaluation.problem.objectives
    return [_bound(objective, value) for objective, value in zip(objectives, today, strict=True) if _limited(objective)]


def _limited(objective: Objective) -> bool:
    return objective.maximum_worsening is not None


def _bound(objective: Objective, today: float) -> Constraint:
    allowed = (objective.maximum_worsening or 0.0) * abs(today)
    side = "at_most" if objective.direction == "minimize" else "at_least"
    limit = today + objective.sign * allowed
    name = f"{objective.name} no worse than today"
    return Constraint.model_validate({"name": name, "subject": objective.name, side: limit})
