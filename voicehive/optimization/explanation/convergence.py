"""How the front grew during a search, and whether it still does."""

import math

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.checkpoint import Checkpoint, Snapshot
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.front import hypervolume, scaled, thin
from voicehive.optimization.result import Convergence

_ROWS = 50
_MOST_SNAPSHOTS = 20
_LEAST_GENERATIONS = 20


def snapshot_of(archive: Population) -> Floats:
    """At most 50 rows (K, M) that stand for an archive; none while nothing in it is feasible."""
    values = archive.objectives[archive.violations == 0.0]
    if not len(values):
        return values
    best = np.unique(values.argmin(axis=0))  # which `thin` keeps first, whatever the scale
    return values[best[:_ROWS] if len(best) >= _ROWS else thin(scaled(values, values), _ROWS)]


def is_recorded(generation: int) -> bool:
    """Whether a snapshot is due: after each of the first 20 generations, every second of the first 40, and so on."""
    return generation % (1 << max(0, math.ceil(math.log2(max(generation, 1) / _MOST_SNAPSHOTS)))) == 0


def recorded(state: Checkpoint, archive: Population) -> tuple[Snapshot, ...]:
    """The snapshots with one of the archive as it is now, unless there is one: evenly spaced, 10 to 20 of those due."""
    kept = state.snapshots
    if kept and kept[-1].evaluations == state.evaluations:
        return kept
    if len(kept) >= _MOST_SNAPSHOTS and is_recorded(state.generation):
        kept = kept[1::2]
    return (*kept, Snapshot(state.evaluations, len(archive.points), snapshot_of(archive)))


def history(snapshots: tuple[Snapshot, ...], front: Floats) -> tuple[Convergence, ...]:
    """Each snapshot's hypervolume on the scale of the final front (K, M); it never shrinks, as no front here does.

    An objective in which that front has no range, such as a single one, is scaled by all the snapshots' rows.
    """
    scale = _scale(snapshots, front)
    grown: list[Convergence] = []
    highest = 0.0
    for snapshot in snapshots:
        highest = max(highest, _volume(snapshot, scale))
        grown.append(Convergence(evaluations=snapshot.evaluations, front=snapshot.front, hypervolume=highest))
    return tuple(grown)


def growth(grown: tuple[Convergence, ...]) -> float:
    """By what share the hypervolume grew over the last quarter of the records, from 0 to 1; 1 with a single one.

    A relative hypervolume difference as the measure of stalling follows Trautmann et al. (2009), "Statistical methods
    for convergence detection of multi-objective evolutionary algorithms", which tests such a series for change.
    """
    if len(grown) < 2 or not grown[-1].hypervolume:
        return 1.0
    before = grown[-1 - max(1, len(grown) // 4)].hypervolume
    return float(np.clip(1.0 - before / grown[-1].hypervolume, 0.0, 1.0))


def has_converged(state: Checkpoint, share: float) -> bool:
    """Whether the front grew by less than `share` over the last quarter of the generations, of which there are 20."""
    snapshots = state.snapshots
    if state.generation < _LEAST_GENERATIONS or not len(snapshots[-1].rows):
        return False
    scale = _scale(snapshots, snapshots[-1].rows)
    before, last = (_volume(snapshots[place], scale) for place in (-1 - len(snapshots) // 4, -1))
    return last > 0.0 and 1.0 - before / last < share


def _volume(snapshot: Snapshot, scale: Floats) -> float:
    return hypervolume(scaled(snapshot.rows, scale)).value if len(snapshot.rows) else 0.0


def _scale(snapshots: tuple[Snapshot, ...], front: Floats) -> Floats:
    """Rows (2, M) whose least and greatest values are those that hypervolumes are scaled by."""
    every = np.concatenate([front, *(snapshot.rows for snapshot in snapshots)])
    flat = ~scaled(front, front).any(axis=0)
    ends = np.stack([front.min(axis=0), front.max(axis=0)])
    return np.where(flat, np.stack([every.min(axis=0), every.max(axis=0)]), ends)
