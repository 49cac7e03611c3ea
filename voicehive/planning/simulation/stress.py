"""What must be true to miss a goal: the inputs that differ most where it is missed, and a box that holds most misses.

The box is found by peeling, as PRIM does. Source: Friedman and Fisher (1999), Bump hunting in high-dimensional data,
Statistics and Computing 9(2); as scenario discovery, Bryant and Lempert (2010), Technological Forecasting and Social
Change 77(1).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation.inputs import Flags

TELLING = 3
"""How many inputs a box is made of at most."""

LEAST_MISSES = 30
"""Below so many misses among all samples nothing is said."""

LEAST_COVERAGE = 0.5
_LEAST_GAIN = 0.03

Places = NDArray[np.int32]
Ranges = list[tuple[int, int]]


class Box(NamedTuple):
    """Parts `ranges` (first, last) along each axis, the share of all samples inside, of misses inside, and the risk."""

    ranges: Ranges
    share_of_futures: float
    share_of_misses: float
    miss_probability: float


def distances(counts: Floats, misses: Floats) -> Floats:
    """The Kolmogorov distances (F, G) of inputs where goals are missed from the inputs as such.

    From counts (F, B) of all samples, and of misses (F, B, G).
    """
    usual = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    missed = np.cumsum(misses, axis=1) / np.maximum(misses.sum(axis=1, keepdims=True), 1.0)
    return np.abs(missed - usual[..., None]).max(axis=1)


def peel(counts: Floats, misses: Floats) -> Box:
    """Peel slices off a table of samples, and of misses among them (both with any number of axes) while risk rises.

    At each step that slice goes, at either end of an axis, without which misses are densest. It ends when the box would
    hold less than half of all misses. The box returned is the smallest beyond which peeling on gained 3 % of risk at
    most.
    """
    ranges = [(0, length - 1) for length in counts.shape]
    box = _box(ranges, counts, misses)
    best = box
    while True:
        tried = [_box(shrunk, counts, misses) for shrunk in _shrunk(box.ranges)]
        able = [one for one in tried if one.share_of_misses >= LEAST_COVERAGE]
        if not able:
            return best
        box = max(able, key=lambda one: (one.miss_probability, one.share_of_misses))
        if box.miss_probability > best.miss_probability * (1.0 + _LEAST_GAIN):
            best = box


def _shrunk(ranges: Ranges) -> list[Ranges]:
    found: list[Ranges] = []
    for axis, (first, last) in enumerate(ranges):
        if first < last:
            for narrower in ((first + 1, last), (first, last - 1)):
                found.append([*ranges[:axis], narrower, *ranges[axis + 1 :]])
    return found


def _box(ranges: Ranges, counts: Floats, misses: Floats) -> Box:
    inside = tuple(slice(first, last + 1) for first, last in ranges)
    held, missed = float(counts[inside].sum()), float(misses[inside].sum())
    return Box(ranges, held / float(counts.sum()), missed / float(misses.sum()), missed / held if held else 0.0)


def tables_of(parts: Sequence[Places], shape: tuple[int, ...], missed: Flags) -> tuple[Floats, Floats]:
    """Count all samples, and the misses among them, by their parts (N,) along each axis, of the lengths `shape`."""
    cells = np.zeros(len(missed), dtype=np.int64)
    for part, length in zip(parts, shape, strict=True):
        cells *= length
        cells += part
    cells *= 2
    cells += missed
    counted = np.bincount(cells, minlength=2 * math.prod(shape)).reshape(*shape, 2).astype(np.float64)
    return counted.sum(axis=-1), counted[..., 1]
