import numpy as np
import pytest

from voicehive.optimization.evolution.algorithm_choice import choose_algorithm
from voicehive.optimization.evolution.population import Population, Space

SPACE = Space(np.array([0, 5, 3]), np.array([False, False, True]))


@pytest.mark.parametrize("objectives", [1, 15, 16])
def test_the_chosen_search_runs_and_the_reason_counts_objectives_and_variables(objectives):
    algorithm = choose_algorithm(objectives, False, SPACE)
    assert algorithm.reason.startswith(f"{objectives} objective")
    assert "1 continuous, 1 ordered, 1 nominal" in algorithm.reason
    search = algorithm.factory(SPACE, 20, np.random.default_rng(0), objectives)
    points = search.ask()
    values = np.abs(points @ np.random.default_rng(1).random((3, objectives)) - 0.5)
    search.tell(Population(points, values, points[:, :0], points[:, :0]))
    assert search.ask() is not None
    assert len(search.population.points)


def test_the_reason_names_what_constraints_and_many_objectives_change():
    assert "infeasible" in choose_algorithm(3, True, SPACE).reason
    assert "infeasible" not in choose_algorithm(3, False, SPACE).reason
    assert choose_algorithm(16, True, SPACE).factory is not choose_algorithm(15, True, SPACE).factory
