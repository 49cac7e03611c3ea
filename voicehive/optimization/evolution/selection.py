"""Selects among evaluated rows: who survives, and which few stand for many. Everything is minimised."""
# pyright: reportMissingTypeStubs=false

import moocore
import numpy as np
from numpy.typing import NDArray

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.reference_directions import leaders
from voicehive.optimization.front import scaled

Rows = NDArray[np.intp]

_OFF_AXIS = 1e6
_FEW = 8
_ROWS_AT_ONCE = 64  # few enough for the arrays to stay in the processor's cache


def survivors(objectives: Floats, violations: Floats, size: int) -> Rows:
    """Choose `size` rows of (N, M), the best first: by constrained domination, then by what they add to those before.

    Feasible rows come before others, by their non-dominated fronts; within the first front, and the one that is cut,
    from 3 objectives the `leaders` along reference directions first, then in the order of `cover`; infeasible rows by
    their violation (N,). Source: Deb, Pratap, Agarwal & Meyarivan (2002),
    NSGA-II, with `cover` in place of the crowding distance.
    """
    feasible = np.flatnonzero(violations <= 0.0)
    order = [feasible[row] for row in _fronts(objectives[feasible], size)] if feasible.size else []
    infeasible = np.flatnonzero(violations > 0.0)
    order.append(infeasible[np.argsort(violations[infeasible], kind="stable")])
    return np.concatenate(order)[:size]


def _fronts(objectives: Floats, size: int) -> list[Rows]:
    """The fronts that `size` rows of (N, M) reach into, the last one cut."""
    ranks = np.asarray(moocore.pareto_rank(objectives))
    ends = np.bincount(ranks).cumsum()
    last = int(np.searchsorted(ends, size)) if size < len(ranks) else len(ends) - 1
    fronts = [np.flatnonzero(ranks == rank) for rank in range(last + 1)]
    for rank in {0, last}:
        front = fronts[rank]
        room = min(len(front), size - (0 if rank == 0 else int(ends[rank - 1])))
        points = (
            normalized(objectives[front]) if objectives.shape[1] > 3 else scaled(objectives[front], objectives[front])
        )
        first = leaders(points, int(room * _led_share(points.shape[1]))) if points.shape[1] > 2 else None
        fronts[rank] = front[cover(points, room, first)]
    return fronts


def _led_share(objectives: int) -> float:
    """The share of places for the leaders along reference directions.

    All beyond 3 objectives, where coverage alone would crowd to the rim; with 3 a quarter, enough to leave the
    degenerate front that DTLZ4 begins at.
    """
    return 1.0 if objectives > 3 else 0.25


def normalized(objectives: Floats) -> Floats:
    """Scale (N, M) from its ideal point to the intercepts of the plane through its extreme points, one to an axis.

    Unlike the worst values, rows far out in one objective, but hardly better in the others, do not move the intercepts.
    Where a point is not extreme along its own axis, or there is no such plane, as `scaled`. Source: Deb & Jain (2014),
    NSGA-III, section IV-C.
    """
    points = scaled(objectives, objectives)
    ascending = np.sort(points, axis=1)
    second, largest = ascending[:, -2:-1], ascending[:, -1:]
    off_axis = np.where(points == largest, second, largest)
    extremes = points[np.maximum(points, _OFF_AXIS * off_axis).argmin(axis=0)]
    if extremes.argmax(axis=1).tolist() != list(range(points.shape[1])):
        return points
    try:
        normal = np.linalg.solve(extremes, np.ones(points.shape[1]))
    except np.linalg.LinAlgError:
        return points
    return points * np.maximum(normal, 1.0) if (normal > 0.0).all() else points


def cover(points: Floats, size: int, first: Rows | None = None) -> Rows:
    """Choose `size` rows of (N, M) in the order in which they cover the others best, in the sense of IGD+.

    Farthest-first traversal (Gonzalez 1985, "Clustering to minimize the maximum intercluster distance") from the rows
    `first`, or the one with the least sum, under the distance of `shortfall`: each row added is the one that those
    chosen fall shortest of. As a row falls short of none that it dominates, every non-dominated row is added before any
    other; and a row far out, but hardly better than others anywhere, is not chosen for being far, as by Euclidean
    distance.
    """
    first = np.array([points.sum(axis=1).argmin()]) if first is None else first[:size]
    rest = np.delete(np.arange(len(points)), first)
    gap = shortfall(points[first], points[rest]).min(axis=0)
    added = np.empty(size - len(first), dtype=np.intp)
    among = shortfall(points[rest], points[rest]) if len(added) * _FEW > len(rest) else None
    for place in range(len(added)):
        row = added[place] = gap.argmax()
        reach = shortfall(points[rest[[row]]], points[rest])[0] if among is None else among[row]
        np.minimum(gap, reach, out=gap)
        gap[row] = -1.0
    return np.concatenate([first, rest[added]])


def shortfall(chosen: Floats, wanted: Floats) -> NDArray[np.float32]:
    """How far each of (N, M) is worse than each of (K, M) where it is worse: squared distances (N, K).

    That is IGD+'s distance (Ishibuchi, Masuda, Tanigaki & Nojima 2015, "Modified distance calculation in generational
    distance and inverted generational distance"), and the shift-based density estimation of Li, Yang & Liu (2014).
    """
    squares = np.zeros((len(chosen), len(wanted)), dtype=np.float32)
    rows, columns = chosen.astype(np.float32), np.ascontiguousarray(wanted.T, dtype=np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = squares[start : start + _ROWS_AT_ONCE]
        worse = np.empty_like(block)
        for ours, theirs in zip(rows[start : start + _ROWS_AT_ONCE].T, columns, strict=True):
            np.subtract(ours[:, None], theirs, out=worse)
            np.maximum(worse, 0.0, out=worse)
            np.square(worse, out=worse)
            block += worse
    return squares
