"""Total-effect indices: the share of a metric's variance that stays while all inputs but one are known."""

import numpy as np

from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation.distribution_statistics import Figures, by_replicates
from voicehive.planning.simulation.inputs import Draws, Inputs
from voicehive.planning.simulation.metrics import MetricModel

POINTS = 256
"""Of each replicate so many points are used."""


def total_effects(
    model: MetricModel, inputs: Inputs, draws: Draws, variances: Floats, rng: np.random.Generator
) -> Figures:
    """Estimate E[Var(y | all but one input)] / Var(y): (F, P), the drivers first, then the uncertain scenarios.

    Each input is drawn anew from its distribution given all others, which covers correlated drivers too; the scenarios
    of one group share one chance, and so one index. Source: Jansen (1999), Computer Physics Communications 117(1-2);
    Kucherenko, Tarantola and Annoni (2012), Computer Physics Communications 183(4), for dependent inputs.
    """
    few = draws.first(POINTS)
    values, happens = inputs.values(few.scores), inputs.happens(few.chances)
    count = happens.shape[1]
    base = model(values, happens)
    redrawing = inputs.redrawing(few)
    found: list[Floats] = []
    for driver in range(len(values)):
        kept = values[driver].copy()
        values[driver] = redrawing.values(driver, count, rng)
        found.append(_half_squares(base, model(values, happens), few))
        values[driver] = kept
    by_scenario: dict[int, Floats] = {}
    for row, members in enumerate(inputs.chances):
        chances = few.chances.copy()
        chances[row] = rng.random(count)
        effect = _half_squares(base, model(values, inputs.happens(chances)), few)
        by_scenario.update(dict.fromkeys(members, effect))
    found += [by_scenario[scenario] for scenario in inputs.uncertain]
    figures = by_replicates(np.stack(found) if found else np.zeros((0, len(base), few.size.replicates)))
    scale = np.where(variances > 0.0, variances, np.inf)
    return Figures(figures.value / scale, figures.standard_error / scale)


def _half_squares(base: Floats, redrawn: Floats, draws: Draws) -> Floats:
    """Half the mean squared change (P, R)."""
    changes = np.square(redrawn - base).reshape(len(base), draws.size.replicates, draws.size.points)
    return 0.5 * changes.mean(axis=2)
