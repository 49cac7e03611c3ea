"""Makes offspring out of parents: simulated binary crossover, differential evolution, polynomial mutation.

Coordinates are those of a `Space`: over cells without order, crossover exchanges and mutation draws anew.
"""

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.population import Space

_CROSSOVER_INDEX = 15.0
_MUTATION_INDEX = 20.0
_DIFFERENTIAL_WEIGHT = 0.5
_MEMORY = 0.9
_LEAST_SHARE = 0.1
_TINY = 1e-14


def latin_hypercube(size: int, coordinates: int, rng: np.random.Generator) -> Floats:
    """Draw points (size, coordinates) so that each coordinate's values fall one into each of `size` equal slices.

    Source: McKay, Beckman & Conover (1979), "A comparison of three methods for selecting values of input variables".
    """
    slices = rng.permuted(np.tile(np.arange(size), (coordinates, 1)), axis=1).T
    return (slices + rng.random((size, coordinates))) / size


def simulated_binary(
    first: Floats, second: Floats, rng: np.random.Generator, index: float = _CROSSOVER_INDEX
) -> Floats:
    """Cross parents (N, P) into one child each, spread about them as one-point crossover of bits would; inside [0, 1].

    Each coordinate is crossed with probability 1/2, and comes from either side of the parents' mean with equal
    probability. Source: Deb & Agrawal (1995), "Simulated binary crossover for continuous search space"; the bounded
    spread is that of Deb & Kumar (1995), "Real-coded genetic algorithms with simulated binary crossover".
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    gap = high - low
    upper = np.where(rng.random((len(first), 1)) < 0.5, first > second, first < second)
    room = np.where(upper, 1.0 - high, low) / np.maximum(gap, _TINY)
    scaled = rng.random(first.shape) * (2.0 - (1.0 + 2.0 * room) ** -(index + 1.0))
    spread = np.where(scaled <= 1.0, scaled, 1.0 / (2.0 - scaled)) ** (1.0 / (index + 1.0))
    child = 0.5 * (low + high + np.where(upper, spread, -spread) * gap)
    return np.where((rng.random(first.shape) < 0.5) & (gap > _TINY), child, first)


def differential(base: Floats, first: Floats, second: Floats) -> Floats:
    """Move points (N, P) along half the difference of two others; a step out of the cube ends halfway to its side.

    Source: Storn & Price (1997), "Differential evolution"; in multi-objective search, with every coordinate moved, Li &
    Zhang (2009), "Multiobjective optimization problems with complicated Pareto sets, MOEA/D and NSGA-II".
    """
    moved = base + _DIFFERENTIAL_WEIGHT * (first - second)
    return np.where(moved < 0.0, 0.5 * base, np.where(moved > 1.0, 0.5 * (1.0 + base), moved))


def polynomial_mutation(points: Floats, space: Space, rng: np.random.Generator, rate: float) -> Floats:
    """Move each coordinate of points (N, P) with probability `rate`, near moves likelier than far ones; inside [0, 1].

    A coordinate of ordered cells moves by a cell at least; one without order is drawn anew. Source: Deb & Goyal (1996),
    "A combined genetic adaptive search (GeneAS) for engineering design"; bounded as in Deb's NSGA-II.
    """
    mutated = points.copy()
    rows, columns = np.nonzero(rng.random(points.shape) < rate)
    old, draw = points[rows, columns], rng.random(len(rows))
    power = _MUTATION_INDEX + 1.0
    below = (2.0 * draw + (1.0 - 2.0 * draw) * (1.0 - old) ** power) ** (1.0 / power) - 1.0
    above = 1.0 - (2.0 * (1.0 - draw) + (2.0 * draw - 1.0) * old**power) ** (1.0 / power)
    step = np.where(draw < 0.5, below, above)
    cells = space.cells[columns]
    least = np.where(cells > 1, 1.0 / np.maximum(cells, 1), 0.0)
    step = np.where(np.abs(step) < least, np.copysign(least, step), step)
    new = old + step
    new = np.where((cells > 0) & ((new < 0.0) | (new > 1.0)), old - step, new)
    mutated[rows, columns] = np.where(space.nominal[columns], rng.random(len(rows)), new)
    return np.clip(mutated, 0.0, 1.0)


class Variation:
    """Makes offspring by two crossovers, each as often as its offspring lately survived, and mutates them.

    The shares follow the rates of survival, exponentially smoothed and kept between a tenth and nine: adaptive operator
    selection by probability matching (Thierens 2005, "An adaptive pursuit strategy for allocating operator
    probabilities").
    """

    def __init__(self, space: Space, rng: np.random.Generator, crossover_index: float = _CROSSOVER_INDEX) -> None:
        self._space, self._rng, self._index = space, rng, crossover_index
        self._share = 0.5
        self._born: dict[bytes, bool] = {}

    def offspring(self, parents: Floats, count: int) -> Floats:
        """Bear `count` snapped points (count, P) of parents (N, P), given the best first: better ones bear more."""
        rng, size = self._rng, len(parents)
        first, second = (parents[np.minimum(*rng.integers(size, size=(2, count)))] for _ in range(2))
        third = parents[rng.integers(size, size=count)]
        steps = rng.random(count) < self._share
        crossed = np.where(
            steps[:, None], differential(first, second, third), simulated_binary(first, second, rng, self._index)
        )
        if self._space.nominal.any():
            exchanged = np.where(rng.random(first.shape) < 0.5, first, second)
            crossed = np.where(self._space.nominal, exchanged, crossed)
        mutated = polynomial_mutation(crossed, self._space, rng, 1.0 / parents.shape[1])
        points = self._space.snap(mutated)
        self._born.update(zip(map(bytes, points), steps.tolist(), strict=True))
        return points

    def learn(self, survivors: Floats) -> None:
        """Shift the shares towards the crossover more of whose last offspring are among the survivors (N, P)."""
        born = np.array([0, 0])
        lived = np.array([0, 0])
        for steps in self._born.values():
            born[int(steps)] += 1
        for survivor in survivors:
            steps = self._born.get(survivor.tobytes())
            if steps is not None:
                lived[int(steps)] += 1
        self._born.clear()
        rates = lived / np.maximum(born, 1)
        if rates.sum() > 0.0:
            share = _MEMORY * self._share + (1.0 - _MEMORY) * rates[1] / rates.sum()
            self._share = float(np.clip(share, _LEAST_SHARE, 1.0 - _LEAST_SHARE))
