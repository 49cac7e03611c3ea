"""How far a recommendation may be relied on, in parts."""

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.result import OptimizationConfidence


def confidence(
    *, acceptability: float, margin: float, certainty: float, convergence: float, feasible: bool
) -> OptimizationConfidence:
    """The parts, each from 0 to 1, and their geometric mean; see `OptimizationConfidence`."""
    return OptimizationConfidence(
        value=(acceptability * margin * certainty * convergence) ** 0.25 if feasible else 0.0,
        acceptability=acceptability,
        margin=margin,
        certainty=certainty,
        convergence=convergence,
    )


def certainty(deviations: Floats, extent: Floats, weights: Floats) -> float:
    """1 less the weighted mean of posterior deviations (M,), relative to extents above 0 (M,); at least 0."""
    return float(np.clip(1.0 - (deviations / extent) @ weights, 0.0, 1.0))
