"""pymoo's NSGA-II, NSGA-III and RVEA."""

from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.moo.nsga3 import NSGA3
from pymoo.algorithms.moo.rvea import RVEA
from pymoo.core.problem import Problem
from pymoo.optimize import minimize

from benchmarks.peers.run import Floats, Run, answer, timed

PYMOO = {
    "pymoo NSGA-II": lambda size, _: NSGA2(pop_size=size),
    "pymoo NSGA-III": lambda size, directions: NSGA3(directions, pop_size=size),
    "pymoo RVEA": lambda size, directions: RVEA(directions, pop_size=size),
}


def run_pymoo(name: str, problem: Problem, size: int, generations: int, directions: Floats, seed: int) -> Run:  # noqa: PLR0917
    """Run one of `PYMOO`; its answer is the whole last population, of which its `opt` is a part.

    NSGA-III and RVEA follow `directions` (D, M), made beforehand.
    """
    algorithm = PYMOO[name](size, directions)
    found, seconds = timed(lambda: minimize(problem, algorithm, ("n_gen", generations), seed=seed, verbose=False))
    evaluations = found.algorithm.evaluator.n_eval
    return answer(found.pop.get("F"), found.pop.get("G"), evaluations, seconds)
