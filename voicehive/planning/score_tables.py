"""Functions of one number, tabulated so that millions of values are read quickly: smooth ones, and steps."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Floats: TypeAlias = NDArray[np.float64]

LIMIT = 8.3
"""Scores beyond this many standard deviations (probability 5e-17) count as infinite where a table is used."""

_NODES, _CELLS = 512, 8_192
_MOST_STEPS = 4


class ScoreTable:
    """A smooth function of one number, tabulated on `low`..`high` and read by linear interpolation.

    512 exact values are refined to 8,192 cells by a cubic spline. Outside the range the value at its end counts.
    """

    def __init__(self, low: float, high: float, values: Floats) -> None:
        """`values` (513,) belong to `nodes(low, high)`."""
        fine = np.linspace(low, high, _CELLS + 1)
        self._values = np.asarray(CubicSpline(np.linspace(low, high, _NODES + 1), values)(fine), dtype=np.float64)
        if values[-1] >= values[0]:
            self._values = np.clip(np.maximum.accumulate(self._values), values[0], values[-1])
        self._steps = np.append(np.diff(self._values), 0.0)
        self._low, self._scale = low, _CELLS / (high - low)

    @staticmethod
    def nodes(low: float, high: float) -> Floats:
        """Where the exact values are wanted: (513,)."""
        return np.linspace(low, high, _NODES + 1)

    def __call__(self, at: Floats) -> Floats:
        """Read the function at any number of points; the answer has their shape."""
        place = np.asarray((at - self._low) * self._scale)
        np.clip(place, 0.0, _CELLS, out=place)
        cell = place.astype(np.int32)
        place -= cell
        place *= self._steps.take(cell)
        place += self._values.take(cell)
        return place


class StepTable:
    """A function of a score that rises in steps, exact: values (M,), of which `thresholds` (M - 1,) end all but one.
    Steps beyond LIMIT are left out.

    A guide leads from a score's cell to the first step within it. Source: Chen and Asau (1974), AIIE Transactions 6(2).
    """

    def __init__(self, values: Floats, thresholds: Floats) -> None:
        first, last = np.searchsorted(thresholds, (-LIMIT, LIMIT))
        values, thresholds = values[first : last + 1], thresholds[first:last]
        self._values, self._thresholds = values, np.append(thresholds, np.inf)
        starts = np.arange(_CELLS) * (2.0 * LIMIT / _CELLS) - LIMIT
        guide = np.searchsorted(thresholds, starts)
        guide[0] = 0
        self._guide = guide.astype(np.int32)
        self._most = int(np.diff(np.append(guide, len(thresholds))).max())

    def __call__(self, scores: Floats) -> Floats:
        """Find the values at any number of scores; the answer has their shape."""
        if self._most > _MOST_STEPS:
            return self._values.take(np.searchsorted(self._thresholds[:-1], scores))
        cells = np.asarray((scores + LIMIT) * (_CELLS / (2.0 * LIMIT)))
        np.clip(cells, 0.0, _CELLS - 1, out=cells)
        place = np.maximum(self._guide.take(cells.astype(np.int32)) - 1, 0)
        for _ in range(self._most + 2):
            place += self._thresholds.take(place) < scores
        return self._values.take(place)
