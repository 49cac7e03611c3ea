"""pygmo's NSGA-II and MOEA/D, on problems of its own."""

import math

import numpy as np
import pygmo

from benchmarks.peers.run import Run, answer, timed
from benchmarks.peers.suites import Task

PYGMO = ("pygmo NSGA-II", "pygmo MOEA/D")
_GRID = {2: 100, 3: 91, 5: 210}
"""Sizes that MOEA/D's grid of weights can have; beyond 5 objectives the weights have low discrepancy instead."""
_DTLZ4_EXPONENT = 100


def pygmo_problem(task: Task) -> pygmo.problem | None:
    """pygmo's own problem; None where it has none, or where it is not the same function as pymoo's."""
    defined = task.problem()
    match task.suite:
        case "zdt":
            own = pygmo.problem(pygmo.zdt(task.number, defined.n_var))
        case "dtlz":
            own = pygmo.problem(pygmo.dtlz(task.number, defined.n_var, defined.n_obj, _DTLZ4_EXPONENT))
        case "wfg":
            own = pygmo.problem(pygmo.wfg(task.number, defined.n_var, defined.n_obj, task.definition["k"]))
        case _:
            return None
    points = defined.xl + np.random.default_rng(1).random((100, defined.n_var)) * (defined.xu - defined.xl)
    theirs = np.array([own.fitness(point) for point in points])
    return own if np.allclose(theirs, defined.evaluate(points, return_values_of=["F"])) else None


def run_pygmo(name: str, task: Task, problem: pygmo.problem, seed: int) -> Run:
    """Run one of `PYGMO`, with the fewest generations that are not below the task's evaluations."""
    objectives = problem.get_nobj()
    size = task.population if name == "pygmo NSGA-II" else _GRID.get(objectives, task.population)
    generations = math.ceil(task.evaluations / size) - 1
    if name == "pygmo NSGA-II":
        algorithm = pygmo.algorithm(pygmo.nsga2(gen=generations, seed=seed))
    else:
        weights = "grid" if objectives in _GRID else "low discrepancy"
        algorithm = pygmo.algorithm(pygmo.moead(gen=generations, weight_generation=weights, seed=seed))
    population, seconds = timed(lambda: algorithm.evolve(pygmo.population(problem, size, seed=seed)))
    found = population.get_f()
    return answer(found, np.zeros((len(found), 0)), size * (generations + 1), seconds)
