"""Chooses the evolutionary algorithm for a problem, and says why."""

from typing import NamedTuple, Protocol

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.pareto_search import ParetoSearch
from voicehive.optimization.evolution.population import (
    MOST_OBJECTIVES_BY_DOMINANCE,
    EvolutionarySearch,
    Population,
    Space,
)


class SearchFactory(Protocol):
    """Makes a search; see `ParetoSearch` for the arguments."""

    def __call__(
        self,
        space: Space,
        population_size: int,
        rng: np.random.Generator,
        objectives: int,
        *,
        start: Population | None = None,
        seeds: Floats | None = None,
    ) -> EvolutionarySearch:
        """Make it."""
        ...


class Algorithm(NamedTuple):
    """An algorithm: how to make a search by it, its name, and the reason it was chosen, in words."""

    factory: SearchFactory
    name: str
    reason: str


def choose_algorithm(objectives: int, constrained: bool, space: Space) -> Algorithm:
    """Choose by the number of objectives and by whether there are constraints; the reason names the variables too."""
    continuous = int((space.cells == 0).sum())
    nominal = int(space.nominal.sum())
    counts = ((continuous, "continuous"), (len(space.cells) - continuous - nominal, "ordered"), (nominal, "nominal"))
    variables = ", ".join(f"{count} {kind}" for count, kind in counts if count)
    if objectives > MOST_OBJECTIVES_BY_DOMINANCE:
        from voicehive.optimization.evolution.many_objectives import ManyObjectiveSearch  # noqa: PLC0415 - only if needed

        reason = f"{objectives} objectives: nearly all candidates are non-dominated, so preferences lead the search"
        return Algorithm(ManyObjectiveSearch, "decomposition", f"{reason}; variables: {variables}")
    reason = (
        f"{objectives} objective{'s' if objectives > 1 else ''}: dominance, then coverage (IGD+), tell candidates apart"
    )
    if constrained:
        reason += "; constraints: a second population ignores them, to cross infeasible regions"
    name = "co-evolving genetic algorithm" if constrained else "genetic algorithm"
    return Algorithm(ParetoSearch, name, f"{reason}; variables: {variables}")
