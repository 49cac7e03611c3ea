"""Which thresholds to test, and in which order: chosen on training outcomes alone, for the greatest coverage expected.

A fixed sequence is tested from its first threshold on and ends at the first that fails, so nearly all rests on where
it begins: too strict, and too few cases are accepted to certify anything; too lax, and the first test fails. The test
is therefore simulated beforehand on populations that the training outcomes could come from.
"""

import numpy as np
from numpy.typing import NDArray

from voicehive.autonomy.trust.outcome import Floats
from voicehive.autonomy.trust.p_values import binomial_p_value, hoeffding_bentkus_p_value
from voicehive.autonomy.trust.promise import RiskPromise

_STEPS = 40
"""Thresholds considered, at equal steps of coverage."""
_POPULATIONS = 200
_DOUBT = 0.5
"""Faults added to those seen, spread over all steps (Jeffreys' prior), so that a faultless record is not a proof."""


def threshold_grid(confidences: Floats) -> Floats:
    """Thresholds (at most 40,), falling, that accept equal steps of `confidences` (N,); the last accepts everything."""
    if len(confidences) == 0:
        return np.zeros(1)
    levels = np.quantile(confidences, 1 - np.arange(1, _STEPS) / _STEPS)
    return np.unique(np.append(levels, 0.0))[::-1]


def _populations(
    bands: NDArray[np.intp], losses: Floats, steps: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Mass and mean loss (B, steps) of each band, by the Bayesian bootstrap (Rubin 1981) and a little doubt."""
    members = (bands[:, None] == np.arange(steps)).astype(np.float64)
    weights = generator.standard_exponential((_POPULATIONS, len(losses)))
    doubt = generator.gamma(_DOUBT / steps, size=(_POPULATIONS, steps))
    faults = (weights * losses) @ members + doubt
    mass = weights @ members + doubt
    return mass / mass.sum(axis=1, keepdims=True), np.divide(faults, mass, out=np.ones_like(mass), where=mass > 0)


def _simulated_tests(
    mass: Floats, risk: Floats, size: int, promise: RiskPromise, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Whether each threshold (B, steps) would be certified by `size` test outcomes from each population."""
    accepted = generator.multinomial(size, mass)
    faults = generator.binomial(accepted, np.clip(risk, 0.0, 1.0)).cumsum(axis=1).astype(np.float64)
    p_value = binomial_p_value if promise.losses == "binary" else hoeffding_bentkus_p_value
    return p_value(faults, accepted.cumsum(axis=1).astype(np.float64), promise.alpha) <= promise.delta


def learn_sequence(
    confidences: Floats, losses: Floats, test_size: int, promise: RiskPromise, generator: np.random.Generator
) -> Floats:
    """Thresholds, falling, to be tested in that order on `test_size` other outcomes.

    Confidences and losses (N,) are of training outcomes whose confidence was given by a model that had not seen them
    (out of fold). The start is the one whose walk is expected to end at the greatest coverage.
    """
    grid = threshold_grid(confidences)
    if len(grid) == 1 or test_size == 0:
        return grid
    bands = np.searchsorted(-grid, -confidences)
    mass, risk = _populations(bands, losses, len(grid), generator)
    passes = _simulated_tests(mass, risk, test_size, promise, generator)
    coverage = np.bincount(bands, minlength=len(grid)).cumsum() / len(confidences)
    expected = [_expected_coverage(passes[:, start:], coverage[start:]) for start in range(len(grid))]
    return grid[int(np.argmax(expected)) :]


def _expected_coverage(passes: NDArray[np.bool_], coverage: Floats) -> float:
    """The mean coverage at which walks (B, steps) end, 0 where the first test fails."""
    passed = np.logical_and.accumulate(passes, axis=1).sum(axis=1)
    return float(np.concatenate(([0.0], coverage))[passed].mean())
