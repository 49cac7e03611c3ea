"""A search that has nothing to search: the points to try are known from the start."""

import math

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.population import Population, Space


class GivenPoints:
    """Asks given points, a batch at a time.

    Args:
        points: (N, P), distinct and snapped.
        batch: how many are asked at once.
        asked: how many have been asked before: a restarted search goes on from there.
        start: what the population is until something has been told.
    """

    def __init__(self, points: Floats, batch: int, asked: int, start: Population) -> None:
        self._points = points
        self._batch = batch
        self._asked = asked
        self.population = start

    def ask(self) -> Floats | None:
        """The next batch (N, P), or None after the last."""
        batch = self._points[self._asked : self._asked + self._batch]
        self._asked += len(batch)
        return batch if len(batch) else None

    def tell(self, evaluated: Population) -> None:
        """Take the points asked, evaluated."""
        self.population = evaluated


def every_point(space: Space) -> Floats:
    """Every point of a space that can be counted (N, P), in the order of their cells."""
    places = np.unravel_index(np.arange(math.prod(space.cells.tolist())), tuple(space.cells))
    return (np.stack(places, axis=1) + 0.5) / space.cells
