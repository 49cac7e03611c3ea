"""What an evolutionary search moves in (a space), what it moves (a population), and how it is asked and told."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats

MOST_OBJECTIVES_BY_DOMINANCE = 15
"""With more, nearly every candidate is non-dominated, and preferences have to tell them apart."""


class Space(NamedTuple):
    """The unit cube, some of its coordinates divided into equal cells that each stand for one value.

    Attributes:
        cells: how many along each coordinate (P,); 0 where it is continuous.
        nominal: whether the cells have no order (P,), as categories have none.
    """

    cells: NDArray[np.intp]
    nominal: NDArray[np.bool_]

    def snap(self, points: Floats) -> Floats:
        """Move points (N, P) into the cube and to the centres of their cells."""
        inside = np.clip(points, 0.0, 1.0)
        discrete = np.flatnonzero(self.cells)
        if discrete.size:
            cells = self.cells[discrete]
            inside[:, discrete] = (np.minimum(np.floor(inside[:, discrete] * cells), cells - 1) + 0.5) / cells
        return inside


class Population(NamedTuple):
    """Evaluated points: a row each.

    Attributes:
        points: settings in the unit cube (N, P).
        objectives: minimised (N, M).
        excesses: over the constraints (N, C); at most 0 where the constraint holds.
        outcomes: whatever else was found out about the point (N, K); it only rides along.
    """

    points: Floats
    objectives: Floats
    excesses: Floats
    outcomes: Floats

    @property
    def violations(self) -> Floats:
        """The sum of the excesses above 0 (N,); 0 where feasible."""
        return np.maximum(self.excesses, 0.0).sum(axis=1)

    def take(self, rows: NDArray[Any]) -> "Population":
        """Keep some rows, by index or by mark."""
        return Population(*(part[rows] for part in self))

    def join(self, other: "Population") -> "Population":
        """Append another's rows."""
        return Population(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def gathered(parts: Sequence[Population], rows: NDArray[np.intp]) -> Population:
    """Take rows, ascending, of populations counted through one after the other; copies no other row."""
    ends = np.cumsum([len(part.points) for part in parts])
    own = np.split(rows, np.searchsorted(rows, ends[:-1]))
    taken = (part.take(some - end + len(part.points)) for part, some, end in zip(parts, own, ends, strict=True))
    return Population(*(np.concatenate(columns) for columns in zip(*taken, strict=True)))


class EvolutionarySearch(Protocol):
    """A search that is asked for points and told what they come to, a generation at a time."""

    def ask(self) -> Floats | None:
        """The next points (N, P): distinct, inside the cube, snapped; None when nothing new is found to ask."""
        ...

    def tell(self, evaluated: Population) -> None:
        """Take the points asked, evaluated; rows may be missing."""
        ...

    @property
    def population(self) -> Population:
        """What the search goes on from; another search given it as `start` continues this one."""
        ...
