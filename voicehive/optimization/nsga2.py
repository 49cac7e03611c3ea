# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportArgumentType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false, reportUntypedBaseClass=false
"""NSGA-II over the unit cube, by pymoo, one generation at a time. The only module that loads pymoo.

Source: Deb, Pratap, Agarwal & Meyarivan (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II", with
their constrained domination.
"""

from typing import Any

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.evaluator import Evaluator
from pymoo.core.problem import Problem as SearchSpace
from pymoo.core.repair import Repair
from pymoo.problems.static import StaticProblem
from pymoo.termination.max_gen import MaximumGenerationTermination

from voicehive.optimization.encoding import Encoding
from voicehive.optimization.erlang_a import Floats
from voicehive.optimization.models import Budget


class _Snap(Repair):
    """Moves offspring to the centres of their cells, so that equal candidates are seen to be equal."""

    def __init__(self, encoding: Encoding) -> None:
        super().__init__()
        self._encoding = encoding

    def _do(self, problem: Any, X: Floats, **_: Any) -> Floats:  # noqa: N803 - pymoo's signature
        return self._encoding.snap(X)


class EvolutionarySearch:
    """Ask for a generation's points, tell what they came to, until there are no more.

    Args:
        encoding: of the problem's parameters.
        budget: its population and generations.
        seed: fixes every draw.
        objectives: how many, all minimised.
        constraints: how many, each met where its excess is at most 0.
        start: points (S, P) to begin from; random ones fill the first population.
    """

    def __init__(
        self, encoding: Encoding, budget: Budget, seed: int, *, objectives: int, constraints: int, start: Floats
    ) -> None:
        parameters = len(encoding.parameters)
        drawn = np.random.default_rng(seed).random((budget.population - len(start), parameters))
        first = np.unique(np.concatenate([start, encoding.snap(drawn)]), axis=0)
        self._space = SearchSpace(n_var=parameters, n_obj=objectives, n_ieq_constr=constraints, xl=0.0, xu=1.0)
        self._algorithm = NSGA2(pop_size=budget.population, sampling=first, repair=_Snap(encoding))
        self._algorithm.setup(
            self._space, termination=MaximumGenerationTermination(budget.generations), seed=seed, verbose=False
        )
        self._asked: Any = None

    def ask(self) -> Floats | None:
        """Give the next generation's points (N, P), or None when all generations or all distinct points are used up."""
        if not self._algorithm.has_next():
            return None
        self._asked = self._algorithm.ask()
        if self._asked is None or len(self._asked) == 0:
            return None
        return np.asarray(self._asked.get("X"), dtype=np.float64)

    def tell(self, objectives: Floats, excesses: Floats) -> None:
        """Take the objectives (N, M), minimised, and the excesses over the constraints (N, C) of the points asked."""
        Evaluator().eval(StaticProblem(self._space, F=objectives, G=excesses), self._asked)
        self._algorithm.tell(infills=self._asked)
