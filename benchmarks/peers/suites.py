"""The test problems with 2 to 10 objectives, as pymoo defines them, and the effort spent on each."""

from typing import Any, NamedTuple

import numpy as np
from pymoo.core.problem import Problem
from pymoo.problems import get_problem
from pymoo.util.ref_dirs import get_reference_directions

from benchmarks.peers.run import Floats

_DISTANCE_VARIABLES = {1: 5, 2: 10, 3: 10, 4: 10, 7: 20}


class Task(NamedTuple):
    """A test problem and its effort: `population` solutions for `generations`, evaluated that many times in all.

    Populations and generations are those common in the literature; for DTLZ and WFG after Deb & Jain (2014), NSGA-III
    part I, tables I and III.
    """

    name: str
    suite: str
    population: int
    generations: int
    definition: dict[str, Any]

    @property
    def evaluations(self) -> int:
        """How many each method may make."""
        return self.population * self.generations

    @property
    def number(self) -> int:
        """Its number in the suite."""
        return int(self.definition["name"].removeprefix(self.suite))

    def problem(self) -> Problem:
        """A new instance, so that nothing cached in another is met."""
        return get_problem(**self.definition)


def _dtlz(number: int, objectives: int, population: int) -> Task:
    variables = objectives + _DISTANCE_VARIABLES[number] - 1
    definition = {"name": f"dtlz{number}", "n_var": variables, "n_obj": objectives}
    return Task(f"dtlz{number}-{objectives}", "dtlz", population, 250, definition)


def _wfg(number: int) -> Task:
    return Task(f"wfg{number}", "wfg", 92, 250, {"name": f"wfg{number}", "n_var": 24, "n_obj": 3, "k": 4})


TASKS = {
    task.name: task
    for task in (
        *(Task(f"zdt{number}", "zdt", 100, 200, {"name": f"zdt{number}"}) for number in (1, 2, 3, 4, 6)),
        *(
            _dtlz(number, objectives, population)
            for objectives, population in ((3, 92), (5, 212), (10, 276))
            for number in _DISTANCE_VARIABLES
        ),
        *(_wfg(number) for number in range(1, 10)),
        *(Task(f"mw{number}", "mw", 100, 300, {"name": f"mw{number}"}) for number in range(1, 15)),
    )
}


def reference_directions(objectives: int) -> Floats:
    """Das & Dennis's (1998) directions (N, M), about as many as a population; in two layers for 10 objectives."""
    partitions = {2: 99, 3: 12, 5: 6}
    if objectives in partitions:
        return get_reference_directions("das-dennis", objectives, n_partitions=partitions[objectives])
    outer = get_reference_directions("das-dennis", objectives, n_partitions=3)
    inner = get_reference_directions("das-dennis", objectives, n_partitions=2)
    return np.concatenate([outer, inner / 2.0 + 0.5 / objectives])
