"""Evolutionary search for more objectives than dominance can tell candidates apart by: preferences lead it."""

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.population import Population, Space, gathered
from voicehive.optimization.evolution.preferences import (
    FUNCTIONS,
    Preferences,
    Rows,
    Scale,
    Singles,
    distinct,
    preferred,
)

_RESERVE = 0.1
_RESCALED_EVERY = 5
_TOURNAMENT = 8
_DIFFERENTIAL = 0.6
_DIFFERENTIAL_WEIGHT = 0.5
_LEVELLED = 0.25
_TO_A_SIDE = 0.6
_DEVIATION = 0.1
_SURPLUS = 1.1
_SAME_POINT = 1e-9
_LEVELS = 2**16


class ManyObjectiveSearch:
    """Evolves a population that holds the best points seen for each of 128 preferences.

    Decomposition, as in MOEA/D (Zhang & Li 2007, "MOEA/D: a multiobjective evolutionary algorithm based on
    decomposition"), with every offspring compared under every preference by matrix products, and the population ranked
    by them as in Global WASF-GA (see `preferences.preferred`); feasible points come before others. An offspring is made
    for one preference: of the best point for it and another that is good for it.

    Args:
        space: to search in.
        population_size: of the population, and the points asked at a time.
        rng: every draw comes from it.
        objectives: how many.
        start: to go on from, such as another search's `population`; without it the first points are drawn.
        seeds: points (S, P) to ask first.
    """

    def __init__(  # noqa: PLR0917 - the interface of all searches of this package
        self,
        space: Space,
        population_size: int,
        rng: np.random.Generator,
        objectives: int,
        start: Population | None = None,
        seeds: Floats | None = None,
    ) -> None:
        self._space, self._size, self._rng = space, population_size, rng
        self._held = population_size + int(population_size * _RESERVE)
        self._preferences = Preferences(objectives, rng)
        self._point_probe, self._objective_probe = rng.random(len(space.cells)), rng.random(objectives)
        self._seeds = space.snap(seeds) if seeds is not None else np.empty((0, len(space.cells)))
        self._lowest, self._highest = np.full(objectives, np.inf), np.full(objectives, -np.inf)
        self._generation = 0
        self._population = Population(*(np.zeros((0, width)) for width in (len(space.cells), objectives, 0, 0)))
        self._achieved: Singles = np.empty((FUNCTIONS, 0), dtype=np.float32)
        if start is not None and len(start.points):
            self.tell(start)

    def ask(self) -> Floats | None:
        """The next points (N, P): distinct, snapped, none of them in the population; None when none is found."""
        if not len(self._population.points):
            return self._new(np.concatenate([self._seeds, self._drawn()]))
        new = self._new(np.concatenate([self._seeds, self._offspring(self._population.points)]))
        return new if new is not None else self._new(self._drawn())

    def tell(self, evaluated: Population) -> None:
        """Take the points asked, evaluated; rows may be missing, and any number may be told at first."""
        parts = [self._population, evaluated] if len(self._population.points) else [evaluated]
        objectives = np.concatenate([part.objectives for part in parts])
        if not len(objectives):
            return
        self._see(evaluated)
        if self._generation % _RESCALED_EVERY == 0:
            self._rescale(evaluated)
        added = self._preferences(self._scale(objectives[self._achieved.shape[1] :]))
        achieved = np.concatenate([self._achieved, added], axis=1)
        violations = np.concatenate([part.violations for part in parts])
        kept = distinct(self._scale.project(objectives, self._objective_probe) + violations)
        repeated = np.ones(len(objectives), dtype=np.bool_)
        repeated[kept] = False
        violations[repeated] = np.inf
        rows = np.sort(preferred(achieved, violations, min(self._held, len(kept))))
        # np.take keeps each function's row contiguous, which its minimum is many times faster to find in.
        self._population, self._achieved = gathered(parts, rows), np.take(achieved, rows, axis=1)
        self._generation += 1

    def _rescale(self, evaluated: Population) -> None:
        """Scale by the best points under each preference; others, far from the front, would stretch the scales."""
        rows = self._population.take(np.unique(self._best())) if len(self._population.points) else evaluated
        self._scale = Scale(rows, self._highest - self._lowest)
        self._achieved = self._achieved[:, :0]

    def _see(self, evaluated: Population) -> None:
        feasible = evaluated.violations <= 0.0
        if feasible.any():
            feasible = evaluated.objectives if feasible.all() else evaluated.objectives[feasible]
            self._lowest = np.minimum(self._lowest, feasible.min(axis=0))
            self._highest = np.maximum(self._highest, feasible.max(axis=0))

    @property
    def population(self) -> Population:
        """A tenth more rows than asked at a time; empty before any is told."""
        return self._population

    def _new(self, points: Floats) -> Floats | None:
        known = self._population.points
        rows = distinct(np.concatenate([known, points]) @ self._point_probe, _SAME_POINT)
        new = points[rows[rows >= len(known)] - len(known)][: self._size]
        self._seeds = self._seeds[:0]
        return new if len(new) else None

    def _drawn(self) -> Floats:
        """Draw points (N, P), half of them about a level common to their coordinates.

        The mean of many uniform coordinates is nearly always near 1/2; these points have any mean.
        """
        points = self._rng.random((self._size, len(self._space.cells)))
        levels, shares = self._rng.random((2, self._size // 2, 1))
        points[1::2] += shares * (levels - points[1::2])
        return self._space.snap(points)

    def _offspring(self, points: Floats) -> Floats:
        """Make a surplus of points, as some will be known: each for a preference drawn, from the best for it."""
        rng, count = self._rng, int(self._size * _SURPLUS)
        preferences = rng.integers(len(self._achieved), size=count)
        best, good = points[self._best()[preferences]], points[self._tournament(preferences)]
        differential = np.flatnonzero(rng.random(count) < _DIFFERENTIAL)
        other = points[rng.integers(len(points), size=len(differential))]
        step = good - best
        steps = _DIFFERENTIAL_WEIGHT * (good[differential] - other)
        if self._space.nominal.any():
            steps = np.where(self._space.nominal, step[differential], steps)
        step[differential] = steps
        child = best + np.multiply(step, self._some(step), out=step)
        self._level(child)
        self._mutate(child)
        return self._space.snap(child)

    def _best(self) -> Rows:
        """The best member of the population under each preference (S,)."""
        violations = self._population.violations
        if (violations > 0.0).all():
            return np.full(len(self._achieved), violations.argmin())
        if (violations <= 0.0).all():
            return self._achieved.argmin(axis=1)
        return np.where(violations <= 0.0, self._achieved, np.float32(np.inf)).argmin(axis=1)

    def _tournament(self, preferences: Rows) -> Rows:
        """The best of some drawn members for each preference (K,), whatever they violate: it lends coordinates only."""
        drawn = self._rng.integers(self._achieved.shape[1], size=(_TOURNAMENT, len(preferences)))
        return drawn[self._achieved[preferences, drawn].argmin(axis=0), np.arange(len(preferences))]

    def _some(self, points: Floats) -> NDArray[np.bool_]:
        """Mark coordinates of (N, P), in each point a share of its own; a third on average, and often few."""
        shares = np.square(self._rng.random((len(points), 1)))
        draws = self._rng.integers(_LEVELS, size=points.shape, dtype=np.uint16)
        return draws < (shares * _LEVELS).astype(np.uint16)

    def _level(self, points: Floats) -> None:
        """Move some coordinates of a quarter of the points (N, P) towards one level, every other time 0 or 1.

        With many parameters the best for a preference often has many of them at a bound, which changes of a few
        coordinates at a time seldom reach.
        """
        rng = self._rng
        rows = np.flatnonzero(rng.random(len(points)) < _LEVELLED)
        anywhere, shares = rng.random((len(rows), 1)), rng.random((len(rows), 1))
        to_sides = rng.random((len(rows), 1)) < 0.5
        levels = np.where(to_sides, np.rint(anywhere), anywhere)
        marked = self._some(points[rows]) & ~self._space.nominal
        points[rows] += marked * shares * (levels - points[rows])

    def _mutate(self, points: Floats) -> None:
        """Change a coordinate per point (N, P) on average: to a side of the cube, anywhere, or by a normal step."""
        rng = self._rng
        rows, columns = np.divmod(rng.integers(points.size, size=len(points)), points.shape[1])
        anywhere = rng.random(len(rows))
        near = points[rows, columns] + rng.normal(0.0, _DEVIATION, len(rows))
        inside = np.where(rng.random(len(rows)) < 0.5, anywhere, near)
        new = np.where(rng.random(len(rows)) < _TO_A_SIDE, np.rint(anywhere), inside)
        points[rows, columns] = np.where(self._space.nominal[columns], anywhere, new)
