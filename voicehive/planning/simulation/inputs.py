"""The uncertain inputs of a set of scenarios, and how they are drawn: scrambled Sobol points, in replicates."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.stats import qmc

from voicehive.planning.copula import ConditionalScore, Dependence, ScoresOfT, correlated, correlation_matrix, divisors
from voicehive.planning.scenarios import Scenario, ScenarioSet
from voicehive.planning.score_tables import Floats

Flags = NDArray[np.bool_]

_LEAST_REPLICATES = 12
_HALF_CELL = 2.0**-31
"""Sobol points have 30 bits: shifted to the middle of their cells they are never 0."""


class Size(NamedTuple):
    """How many points, a power of two, in how many independently scrambled replicates."""

    points: int
    replicates: int

    @property
    def samples(self) -> int:
        """How many samples that is in all."""
        return self.points * self.replicates

    @classmethod
    def holding(cls, samples: int) -> "Size":
        """The size of at least so many samples, in 12 to 24 replicates.

        Replicates give standard errors; few hundred points each already have most of the gain over random ones. Source:
        Owen (1997), Monte Carlo variance of scrambled net quadrature, SIAM Journal on Numerical Analysis 34(5);
        L'Ecuyer, Nakayama, Owen and Tuffin (2023), Confidence intervals for randomized quasi-Monte Carlo estimators,
        Winter Simulation Conference.
        """
        points = 2 ** max(0, math.floor(math.log2(samples / _LEAST_REPLICATES)))
        return cls(points, math.ceil(samples / points))


class Draws(NamedTuple):
    """N joint draws, replicate after replicate.

    `scores` (K, N) are the drivers' normal scores, `elliptical` (K, N) what the copula drew: the same, or for the t
    copula t-distributed numbers. `chances` (C, N) are uniform and decide which scenarios happen.
    """

    scores: Floats
    elliptical: Floats
    chances: Floats
    size: Size

    def first(self, points: int) -> "Draws":
        """The first points of each replicate, again a net where `points` is a power of two."""
        size = Size(min(points, self.size.points), self.size.replicates)

        def cut(rows: Floats) -> Floats:
            shaped = rows.reshape(len(rows), self.size.replicates, self.size.points)
            return shaped[:, :, : size.points].reshape(len(rows), size.samples)

        scores = cut(self.scores)
        elliptical = scores if self.elliptical is self.scores else cut(self.elliptical)
        return Draws(scores, elliptical, cut(self.chances), size)


class Inputs:
    """The drivers (K) and scenarios (S) that count, and the chances (C) by which scenarios happen.

    A chance is one uniform number: for a group, which its members share out, or for a scenario of its own. Raises
    CorrelationInvalid where the correlations contradict each other.
    """

    def __init__(self, scenarios: ScenarioSet) -> None:
        self.scenarios, self.drivers = scenarios.counting, scenarios.drivers
        self.names = tuple(driver.name for driver in self.drivers)
        dependence = scenarios.dependence
        self._matrix, self.notices = correlation_matrix(self.names, dependence)
        correlated_names = _correlated_names(dependence, self.names)
        self._joined = np.flatnonzero([name in correlated_names for name in self.names])
        self._degrees = dependence.degrees_of_freedom if len(self._joined) else None
        self._scores_of_t = None if self._degrees is None else ScoresOfT(self._degrees)
        self.chances = _chances(self.scenarios)

    @property
    def dependent(self) -> bool:
        """Whether any drivers are correlated."""
        return len(self._joined) > 0

    @property
    def uncertain(self) -> tuple[int, ...]:
        """Which scenarios (their index) may happen or not."""
        return tuple(sorted(index for chance in self.chances for index in chance))

    def draw(self, size: Size, rng: np.random.Generator) -> Draws:
        """Draw all inputs jointly."""
        drivers, chances = len(self.names), len(self.chances)
        scores, uniform, mixing = (np.empty((rows, size.replicates, size.points)) for rows in (drivers, chances, 1))
        dimensions = drivers + chances + (self._degrees is not None)
        for replicate in range(size.replicates):
            points = _sobol(dimensions, size.points, rng)
            independent = np.asarray(special.ndtri(points[:, :drivers]), dtype=np.float64)
            scores[:, replicate] = correlated(independent, self._matrix)
            uniform[:, replicate] = points[:, drivers : drivers + chances].T
            if self._degrees is not None:
                mixing[0, replicate] = points[:, -1]
        scores = scores.reshape(drivers, size.samples)
        elliptical = scores
        if self._degrees is not None and self._scores_of_t is not None:
            scores[self._joined] /= divisors(mixing.ravel(), self._degrees)
            elliptical, scores = scores, scores.copy()
            for driver in self._joined:
                scores[driver] = self._scores_of_t(elliptical[driver])
        return Draws(scores, elliptical, uniform.reshape(chances, size.samples), size)

    def values(self, scores: Floats) -> Floats:
        """The drivers' values (K, N) at their scores (K, N)."""
        values = np.empty_like(scores)
        for row, driver in enumerate(self.drivers):
            values[row] = driver.distribution.at_scores(scores[row])
        return values

    def happens(self, chances: Floats) -> Flags:
        """Which scenarios happen (S, N), by the chances (C, N)."""
        found = np.ones((len(self.scenarios), chances.shape[1]), dtype=np.bool_)
        for row, members in zip(chances, self.chances, strict=True):
            start = 0.0
            for index in members:
                end = start + self.scenarios[index].probability
                found[index] = (row >= start) & (row < end)
                start = end
        return found

    def redrawing(self, draws: Draws) -> "Redrawing":
        """Prepare to draw single inputs anew, given all others."""
        joined = ConditionalScore(
            draws.elliptical[self._joined], self._matrix[np.ix_(self._joined, self._joined)], self._degrees
        )
        return Redrawing(self, joined, {int(driver): row for row, driver in enumerate(self._joined)}, self._scores_of_t)


class Redrawing:
    """Draws the values of single drivers anew, given those of all others."""

    def __init__(
        self, inputs: Inputs, joined: ConditionalScore, rows: dict[int, int], scores_of_t: ScoresOfT | None
    ) -> None:
        self._inputs, self._joined, self._rows, self._scores_of_t = inputs, joined, rows, scores_of_t

    def values(self, driver: int, count: int, rng: np.random.Generator) -> Floats:
        """New values (N,) of one driver; `count` is N."""
        row = self._rows.get(driver)
        scores = rng.standard_normal(count) if row is None else self._joined.draw(row, rng)
        if row is not None and self._scores_of_t is not None:
            scores = self._scores_of_t(scores)
        return self._inputs.drivers[driver].distribution.at_scores(scores)


def _correlated_names(dependence: Dependence, names: tuple[str, ...]) -> frozenset[str]:
    pairs = (correlation.drivers for correlation in dependence.correlations)
    return frozenset(name for pair in pairs if set(pair) <= set(names) for name in pair)


def _chances(scenarios: tuple[Scenario, ...]) -> tuple[tuple[int, ...], ...]:
    alone: list[tuple[int, ...]] = []
    groups: dict[str, list[int]] = {}
    for index, scenario in enumerate(scenarios):
        if scenario.group is not None:
            groups.setdefault(scenario.group, []).append(index)
        elif scenario.probability < 1.0:
            alone.append((index,))
    return (*alone, *(tuple(members) for members in groups.values()))


def _sobol(dimensions: int, count: int, rng: np.random.Generator) -> Floats:
    """Scrambled Sobol points (count, dimensions), strictly between 0 and 1.

    Source: Matousek (1998), On the L2-discrepancy for anchored boxes, Journal of Complexity 14(4), as SciPy has it.
    """
    if not dimensions:
        return np.empty((count, 0))
    points = qmc.Sobol(dimensions, rng=rng).random(count)
    points += _HALF_CELL
    return points
