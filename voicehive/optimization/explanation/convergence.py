"""How the front grew during a search, and whether it still does."""

import numpy as np

from voicehive.optimization.arrays import Floats
from voicehive.optimization.checkpoint import Snapshot
from voicehive.optimization.evolution.population import Population
from voicehive.optimization.front import hypervolume, scaled, thin
from voicehive.optimization.result import Convergence

_ROWS = 50
_LEAST_SNAPSHOTS = 5


def snapshot_of(archive: Population) -> Floats:
    """At most 50 rows (K, M) that stand for an archive; none while nothing in it is feasible."""
    values = archive.objectives[archive.violations == 0.0]
    if not len(values):
        return values
    return values[thin(scaled(values, values), _ROWS)]


def history(snapshots: tuple[Snapshot, ...], front: Floats) -> tuple[Convergence, ...]:
    """Each snapshot's hypervolume on the scale of the final front (K, M); it never shrinks, as no front here does."""
    grown: list[Convergence] = []
    highest = 0.0
    for snapshot in snapshots:
        if len(snapshot.rows):
            highest = max(highest, hypervolume(scaled(snapshot.rows, front)).value)
        grown.append(Convergence(evaluations=snapshot.evaluations, front=snapshot.front, hypervolume=highest))
    return tuple(grown)


def growth(grown: tuple[Convergence, ...]) -> float:
    """By what share the hypervolume grew over the last quarter of the records, from 0 to 1; 1 where there are too few.

    A relative hypervolume difference as the measure of stalling follows Trautmann et al. (2009), "Statistical methods
    for convergence detection of multi-objective evolutionary algorithms", which tests such a series for change.
    """
    if len(grown) < _LEAST_SNAPSHOTS or not grown[-1].hypervolume:
        return 1.0
    before = grown[-1 - max(1, len(grown) // 4)].hypervolume
    return float(np.clip(1.0 - before / grown[-1].hypervolume, 0.0, 1.0))


def has_converged(snapshots: tuple[Snapshot, ...], share: float) -> bool:
    """Whether the front grew by less than `share` over the last quarter of the records, of which there are five."""
    if len(snapshots) < _LEAST_SNAPSHOTS or not len(snapshots[-1].rows):
        return False
    return growth(history(snapshots, snapshots[-1].rows)) < share
