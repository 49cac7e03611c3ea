"""Keeps the best rows of a whole search, and reduces them to as many as are wanted."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import moocore
import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.evolution.population import MOST_OBJECTIVES_BY_DOMINANCE, Population, gathered
from voicehive.optimization.evolution.reference_directions import leaders
from voicehive.optimization.evolution.selection import Rows, normalized, shortfall
from voicehive.optimization.front import REFERENCE, non_dominated, scaled, thin

_SPREAD_SHARE, _KEPT_SHARE = 0.4, 0.8
_LED_SHARE = 0.5
_HYPERVOLUME_OBJECTIVES = 3
_CANDIDATES_PER_CHOICE = 4
_DEMAND = 2_000
_LIKELY = 16
_BATCH = 4


class Archive:
    """Every non-dominated feasible row told, up to a limit; while none is feasible, the least violating ones.

    Up to half of these are the least violating of all rows that meet the same constraints, so that what can hold
    together, and what it would take, can be told.

    Beyond `limit` it is thinned. Up to 3 objectives two fifths of that stay, or `wanted`, spread evenly (`thin` in
    objectives scaled by their own ideal and nadir). Beyond those, where nearly everything is non-dominated, four fifths
    stay: the best of each objective, the newest, and up to 15 objectives the `leaders`, along as many directions as
    half of what stays. Rows are merged in batches of `limit`, so that a generation costs next to nothing. Beyond 15
    objectives dominance is left to those who choose from the rows: it removes next to none there, and takes most of the
    time; batches are four times as large there. So it hardly ever holds more than twice, or five times, the limit.

    Args:
        limit: the most rows that `rows` gives.
        wanted: how many rows are needed in the end.
    """

    def __init__(self, limit: int, wanted: int = 0) -> None:
        self._limit, self._wanted = limit, min(wanted, limit)
        self._kept: Population | None = None
        self._pending: list[Population] = []

    def add(self, evaluated: Population) -> None:
        """Take rows."""
        self._pending.append(evaluated)
        batch = _BATCH if evaluated.objectives.shape[1] > MOST_OBJECTIVES_BY_DOMINANCE else 1
        if sum(len(part.points) for part in self._pending) > batch * self._limit:
            self._merge()

    @property
    def rows(self) -> Population:
        """What is kept.

        Raises:
            ValueError: nothing was added.
        """
        self._merge()
        if self._kept is None:
            raise ValueError("the archive is empty; add evaluated rows first")
        return self._kept

    def _merge(self) -> None:
        if not self._pending:
            return
        parts = self._pending if self._kept is None else [self._kept, *self._pending]
        self._pending = []
        violations = np.concatenate([part.violations for part in parts])
        rows = np.flatnonzero(violations <= 0.0)
        if not rows.size:
            excesses = np.concatenate([part.excesses for part in parts])
            kept = gathered(parts, np.sort(_least_violating(excesses, violations, self._limit)))
            self._kept = kept.take(np.argsort(kept.violations, kind="stable"))
            return
        objectives = np.concatenate([part.objectives for part in parts])
        objectives = objectives if len(rows) == len(objectives) else objectives[rows]
        if objectives.shape[1] <= MOST_OBJECTIVES_BY_DOMINANCE:
            stay = non_dominated(objectives)
            rows, objectives = rows[stay], objectives[stay]
        self._kept = gathered(parts, rows[self._thinned(objectives)] if len(rows) > self._limit else rows)

    def _thinned(self, objectives: Floats) -> Rows:
        """Choose some of the rows (N, M), given the oldest first; ascending.

        Beyond 3 objectives old rows alone, or new ones alone, lose much of the IGD+ that both together hold.
        """
        if objectives.shape[1] <= _HYPERVOLUME_OBJECTIVES:
            return thin(scaled(objectives, objectives), max(self._wanted, int(_SPREAD_SHARE * self._limit)))
        first, size = objectives.argmin(axis=0), int(_KEPT_SHARE * self._limit)
        if objectives.shape[1] <= MOST_OBJECTIVES_BY_DOMINANCE:
            first = np.concatenate([first, leaders(normalized(objectives), int(_LED_SHARE * size))])
        first = np.unique(first)[:size]
        rest = np.setdiff1d(np.arange(len(objectives)), first)
        return np.union1d(first, rest[len(rest) - (size - len(first)) :])


def reduce(kept: Population, size: int) -> Rows:
    """Choose the `size` rows that stand best for an archive's; returns their indices, ascending.

    Up to 3 objectives those that keep most of its hypervolume, beyond those from which it is nearest in the mean
    (IGD+); while none is feasible, the least violating. The objectives are `scaled` first, or `normalized`.
    """
    if len(kept.points) <= size:
        return np.arange(len(kept.points))
    if kept.violations.min() > 0.0:
        return np.sort(np.argsort(kept.violations, kind="stable")[:size])
    if kept.objectives.shape[1] <= _HYPERVOLUME_OBJECTIVES:
        return np.sort(_by_hypervolume(scaled(kept.objectives, kept.objectives), size))
    return np.sort(_by_shortfall(normalized(kept.objectives), size))


def _least_violating(excesses: Floats, violations: Floats, limit: int) -> Rows:
    """Choose up to `limit` rows, the least violating: of each set of constraints met the first, then the rest."""
    order = np.argsort(violations, kind="stable")
    if len(order) <= limit:
        return order
    met = np.packbits(excesses[order] <= 0.0, axis=1)
    first = np.sort(np.unique(met, axis=0, return_index=True)[1])[: limit // 2]
    rest = np.setdiff1d(np.arange(len(order)), first)[: limit - len(first)]
    return order[np.union1d(first, rest)]


def _by_hypervolume(points: Floats, size: int) -> Rows:
    """Drop the row that contributes least to the hypervolume of (N, M), again and again; many are thinned evenly first.

    Source: Beume, Naujoks & Emmerich (2007), "SMS-EMOA: multiobjective selection based on dominated hypervolume".
    """
    rows = thin(points, _CANDIDATES_PER_CHOICE * size)
    reference = np.full(points.shape[1], REFERENCE)
    while len(rows) > size:
        rows = np.delete(rows, np.asarray(moocore.hv_contributions(points[rows], ref=reference)).argmin())
    return rows


def _by_shortfall(points: Floats, size: int) -> Rows:
    """Add the row that lowers the mean IGD+ distance from an even sample of all rows (N, M) most, again and again.

    Source: Nemhauser, Wolsey & Fisher (1978), "An analysis of approximations for maximizing submodular set functions":
    within 1 - 1/e of the best possible; done lazily as by Minoux (1978), "Accelerated greedy algorithms".
    """
    distances = np.sqrt(shortfall(points, points[thin(points, _DEMAND)]))
    gap = np.full(distances.shape[1], float(points.shape[1]) ** 0.5, dtype=np.float32)
    gains = (gap - distances).sum(axis=1)  # no less than each row would add now: what is chosen only lowers it
    left = np.arange(len(points))
    chosen = np.empty(size, dtype=np.intp)
    for place in range(size):
        best = -1
        while best < 0 or gains[best] < gains[left].max():
            few = min(_LIKELY, len(left))
            likely = left[np.argpartition(gains[left], -few)[-few:]]
            gains[likely] = np.maximum(gap - distances[likely], 0.0).sum(axis=1)
            best = likely[gains[likely].argmax()]
        chosen[place] = best
        left = left[left != best]
        np.minimum(gap, distances[best], out=gap)
    return chosen
