"""Evolutionary search for up to about 15 objectives, with or without constraints."""

import math

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.population import Population, Space
from voicehive.optimization.evolution.selection import survivors
from voicehive.optimization.evolution.variation import Variation, latin_hypercube

_CROSSOVER_INDEX, _MANY_CROSSOVER_INDEX = 15.0, 30.0  # the latter after Deb & Jain (2014), NSGA-III, section VI
_ATTEMPTS = 10
_LEAST_SHARE_NEW = 0.1
_ENUMERABLE = 10_000
_REMEMBERED = 1_000_000


class ParetoSearch:
    """A genetic algorithm whose survivors are non-dominated and cover each other best in the sense of IGD+.

    With constraints, two populations of equal size evolve side by side and share their offspring: one that prefers the
    feasible, and one that ignores constraints and so crosses infeasible regions; each bears half of the offspring.
    Source: Tian, Zhang, Xiao, Zhang & Jin (2021), "A coevolutionary framework for constrained multiobjective
    optimization problems" (CCMO). For the selection see `selection.survivors`, for the offspring `variation.Variation`.

    Args:
        space: to search in.
        population_size: of each population, and the points asked at a time.
        rng: every draw comes from it.
        objectives: how many.
        start: to go on from, such as another search's `population`; without it the first points are drawn evenly.
        seeds: points (S, P) to ask first.
    """

    def __init__(
        self,
        space: Space,
        population_size: int,
        rng: np.random.Generator,
        objectives: int,
        *,
        start: Population | None = None,
        seeds: Floats | None = None,
    ) -> None:
        self._space, self._size, self._rng = space, population_size, rng
        index = _CROSSOVER_INDEX if objectives <= 3 else _MANY_CROSSOVER_INDEX
        self._variation = Variation(space, rng, index)
        self._seeds = np.zeros((0, len(space.cells))) if seeds is None else space.snap(seeds)
        self._known: set[int] = set()
        self._share_new = 1.0
        nothing = Population(*(np.zeros((0, width)) for width in (len(space.cells), objectives, 0, 0)))
        self._preferring, self._ignoring = nothing, nothing
        if start is not None and len(start.points):
            self._new(start.points, len(start.points))
            self._select(start, start)

    @property
    def population(self) -> Population:
        """Both populations, each row once; empty before the first is told."""
        every = self._preferring.join(self._ignoring)
        return every.take(np.sort(np.unique(every.points, axis=0, return_index=True)[1]))

    def ask(self) -> Floats | None:
        """The next `population_size` points (N, P), none asked before, as far as there are any; None without any."""
        points = self._seeds[self._new(self._seeds, self._size)]
        self._seeds = self._seeds[:0]
        for _ in range(_ATTEMPTS):
            missing = self._size - len(points)
            if missing <= 0:
                break
            offspring = self._space.snap(self._offspring(math.ceil(missing / self._share_new)))
            rows = self._new(offspring, missing)
            looked_at = rows[-1] + 1 if len(rows) == missing else len(offspring)
            self._share_new = max(len(rows) / looked_at, _LEAST_SHARE_NEW)
            points = np.concatenate([points, offspring[rows]])
        else:
            rest = self._remaining(self._size - len(points))
            points = np.concatenate([points, rest[self._new(rest, self._size)]])
        return points if len(points) else None

    def tell(self, evaluated: Population) -> None:
        """Take the points asked, evaluated; rows may be missing."""
        if not len(self._preferring.points):
            self._select(evaluated, evaluated)
        else:
            self._select(self._preferring.join(evaluated), self._ignoring.join(evaluated))
        self._variation.learn(self._preferring.points)

    def _select(self, preferring: Population, ignoring: Population) -> None:
        if not len(preferring.points):
            return
        self._preferring = preferring.take(survivors(preferring.objectives, preferring.violations, self._size))
        if preferring.excesses.shape[1]:
            unbound = np.zeros(len(ignoring.points))
            self._ignoring = ignoring.take(survivors(ignoring.objectives, unbound, self._size))
        else:
            self._ignoring = self._preferring.take(np.arange(0))

    def _offspring(self, count: int) -> Floats:
        if not len(self._preferring.points):
            return latin_hypercube(count, len(self._space.cells), self._rng)
        if not len(self._ignoring.points):
            return self._variation.offspring(self._preferring.points, count)
        half = count // 2
        preferring = self._variation.offspring(self._preferring.points, count - half)
        return np.concatenate([preferring, self._variation.offspring(self._ignoring.points, half)])

    def _remaining(self, count: int) -> Floats:
        """Some points of a small space that were not asked yet; in a large one, random ones."""
        cells = self._space.cells
        places = float(np.prod(cells.astype(np.float64))) if cells.all() else np.inf
        if places > _ENUMERABLE:
            return self._space.snap(self._rng.random((count, len(cells))))
        grid = np.stack(np.unravel_index(self._rng.permutation(int(places)), tuple(cells)), axis=1)
        points = self._space.snap((grid + 0.5) / cells)
        return points[[hash(point.tobytes()) not in self._known for point in points]][:count]

    def _new(self, points: Floats, most: int) -> list[int]:
        """Find the first points (N, P) that are seen for the first time, at most so many, and remember them."""
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        kept: list[int] = []
        for row, point in enumerate(points):
            mark = hash(point.tobytes())
            if mark not in self._known:
                self._known.add(mark)
                kept.append(row)
                if len(kept) == most:
                    break
        return kept
