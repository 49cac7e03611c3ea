# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportArgumentType=false
"""The earliest finish, where nothing else counts and money does not bind: intervals on cumulative resources for CP-SAT.

The resource-constrained project scheduling problem (Pritsker, Watters & Wolfe 1969).
"""

import time
from typing import NamedTuple

import numpy as np
from ortools.sat.python import cp_model

from voicehive.planning.roadmap.amounts import whole_amounts
from voicehive.planning.roadmap.checks import needed
from voicehive.planning.roadmap.cp_sat import SEEDS, Status
from voicehive.planning.roadmap.problem import RoadmapProblem


class Schedule(NamedTuple):
    """Starts by initiative; no schedule finishes before `bound`."""

    status: Status
    starts: dict[str, int]
    bound: int
    first_after: float
    seconds: float


def applies(problem: RoadmapProblem) -> bool:
    """Whether only the finish counts, and nothing but people and precedence binds."""
    return {objective.name for objective in problem.objectives} == {"finish"} and not problem.budgets


def earliest_finish(problem: RoadmapProblem, seconds: float, seed: int) -> Schedule:
    """Schedule what is needed so that it is done as early as possible; what is not needed is left out."""
    model, begun = cp_model.CpModel(), time.monotonic()
    wanted = needed(problem)
    chosen = [one for one in problem.counting if one.id in wanted]
    most = min(problem.horizon.periods, int(problem.bound("finish") or problem.horizon.periods))
    starts: dict[str, cp_model.IntVar] = {}
    for one in chosen:
        first, last = problem.window(one)
        starts[one.id] = model.new_int_var(first, max(first, last), one.id)
    lasts = problem.planned
    intervals = {name: model.new_fixed_size_interval_var(start, lasts[name], name) for name, start in starts.items()}
    finish = model.new_int_var(0, most, "finish")
    after = {before.initiative for one in chosen for before in one.prerequisites}
    for one in chosen:
        if one.id not in after:
            model.add(starts[one.id] + lasts[one.id] <= finish)
        for before in one.prerequisites:
            model.add(starts[one.id] >= starts[before.initiative] + lasts[before.initiative] + before.lag)
    for skill in problem.capacities:
        users = [one for one in chosen if one.people.get(skill, 0.0) > 0.0]
        _add_cumulative(model, problem, skill, [(intervals[one.id], one.people[skill]) for one in users])
    model.minimize(finish)
    return _solved(model, starts, seconds - (time.monotonic() - begun), seed)


def _add_cumulative(
    model: cp_model.CpModel, problem: RoadmapProblem, skill: str, users: list[tuple[cp_model.IntervalVar, float]]
) -> None:
    """Keep within a capacity; where it varies, what is missing to its greatest is taken by intervals that stand."""
    periods = problem.horizon.periods
    there = np.array([problem.capacity(skill, period) for period in range(periods)])
    most = float(there.max())
    gaps = [
        (model.new_fixed_size_interval_var(int(period), 1, ""), most - float(there[period]))
        for period in np.flatnonzero(there < most)
    ]
    if not users:
        return
    demands, limit = whole_amounts([amount for _, amount in (*users, *gaps)], most)
    model.add_cumulative([interval for interval, _ in (*users, *gaps)], demands, limit)


def _solved(model: cp_model.CpModel, starts: dict[str, cp_model.IntVar], seconds: float, seed: int) -> Schedule:
    solver, first = cp_model.CpSolver(), _First()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % SEEDS
    solver.parameters.max_time_in_seconds = max(0.001, seconds)
    begun = time.monotonic()
    status = solver.solve(model, first)
    took = time.monotonic() - begun
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Schedule("infeasible" if status == cp_model.INFEASIBLE else "unknown", {}, 0, 0.0, took)
    found = {name: solver.value(start) for name, start in starts.items()}
    named = "optimal" if status == cp_model.OPTIMAL else "feasible"
    return Schedule(named, found, round(solver.best_objective_bound), first.after, took)


class _First(cp_model.CpSolverSolutionCallback):
    """Notes when the first solution was found."""

    def __init__(self) -> None:
        super().__init__()
        self.after = 0.0

    def on_solution_callback(self) -> None:
        self.after = self.after or self.wall_time
