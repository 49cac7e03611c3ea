"""How good a front is: hypervolume for 2 and 3 objectives, IGD+ beyond."""

from collections.abc import Sequence
from typing import NamedTuple

import moocore
import numpy as np

from benchmarks.peers.run import Floats
from benchmarks.peers.suites import Task
from voicehive.optimization.evolution.archive import reduce
from voicehive.optimization.evolution.population import Population

_REFERENCE = 1.1
_SAMPLE = 10_000
_MOST_BY_HYPERVOLUME = 3
_DTLZ7_INTERVALS = np.array([[0.0, 0.2514118360], [0.6316265307, 0.8594008566]])
"""Where one position variable of DTLZ7 is not dominated."""


class Measure(NamedTuple):
    """What a task's fronts are measured by, in objectives scaled so that the ideal point is 0 and the nadir 1.

    `sample` are points of the true front (R, M), scaled likewise; None where hypervolume is measured.
    """

    ideal: Floats
    nadir: Floats
    sample: Floats | None

    @property
    def name(self) -> str:
        """What is measured."""
        return "HV" if self.sample is None else "IGD+"

    def of(self, objectives: Floats) -> float:
        """Measure feasible objectives (N, M).

        The hypervolume up to 1.1 in each objective (Zitzler & Thiele 1998), 0 of nothing; or the mean distance by which
        the front's points are not dominated, IGD+ (Ishibuchi, Masuda, Tanigaki & Nojima 2015), infinite of nothing.
        """
        if not len(objectives):
            return 0.0 if self.sample is None else np.inf
        points = (objectives - self.ideal) / (self.nadir - self.ideal)
        if self.sample is None:
            return float(moocore.hypervolume(points, ref=np.full(points.shape[1], _REFERENCE)))
        return float(moocore.igd_plus(points, ref=self.sample))

    def ratio(self, ours: float, peer: float) -> float:
        """Above 1 where ours is the better value."""
        better, worse = (ours, peer) if self.sample is None else (peer, ours)
        if better == worse:
            return 1.0
        return better / worse if worse > 0.0 else np.inf


def reduced(objectives: Floats, violations: Floats, size: int) -> tuple[Floats, Floats]:
    """Keep the `size` rows that stand best for a front (N, M) of any size, as our own archive would choose them.

    Args:
        objectives: minimised.
        violations: of the constraints (N, C), at most 0 where they hold.
        size: what a front is compared at.
    """
    if len(objectives) <= size:
        return objectives, violations
    nothing = np.zeros((len(objectives), 0))
    rows = reduce(Population(nothing, objectives, violations, nothing), size)
    return objectives[rows], violations[rows]


def measure_of(task: Task, fronts: Sequence[Floats]) -> Measure:
    """The measure of a task.

    ZDT's fronts are pymoo's, DTLZ's and WFG's ideal and nadir are known (Deb, Thiele, Laumanns & Zitzler 2005; Huband,
    Hingston, Barone & While 2006). MW's are not all at hand: they are scaled by the union of `fronts`, what all methods
    found.
    """
    match task.suite:
        case "zdt":
            front = np.asarray(task.problem().pareto_front())
        case "dtlz":
            front = _dtlz_front(task)
        case "wfg":
            objectives = task.definition["n_obj"]
            return Measure(np.zeros(objectives), 2.0 * np.arange(1, objectives + 1), None)
        case _:
            found = np.concatenate(fronts)
            front = found[np.asarray(moocore.is_nondominated(found))]
            if not len(front):
                front = np.stack([np.zeros(found.shape[1]), np.ones(found.shape[1])])
    ideal, nadir = front.min(axis=0), front.max(axis=0)
    if front.shape[1] <= _MOST_BY_HYPERVOLUME:
        return Measure(ideal, nadir, None)
    return Measure(ideal, nadir, np.ascontiguousarray((front - ideal) / (nadir - ideal)))


def _dtlz_front(task: Task) -> Floats:
    """Points evenly distributed on the front, with its corners."""
    objectives = task.definition["n_obj"]
    if task.number == 7:
        return _dtlz7_front(objectives)
    shape = "simplex" if task.number == 1 else "concave-sphere"
    points = np.concatenate([np.eye(objectives), moocore.generate_ndset(_SAMPLE, objectives, shape, seed=1)])
    return points / 2.0 if task.number == 1 else points


def _dtlz7_front(objectives: int) -> Floats:
    rng = np.random.default_rng(1)
    widths = np.diff(_DTLZ7_INTERVALS, axis=1)[:, 0]
    along = rng.random((_SAMPLE, objectives - 1)) * widths.sum()
    position = np.where(along < widths[0], along, along - widths[0] + _DTLZ7_INTERVALS[1, 0])
    ends = np.eye(objectives - 1) * _DTLZ7_INTERVALS[1, 1]
    position = np.concatenate([np.zeros((1, objectives - 1)), ends, position])
    last = 2.0 * objectives - (position * (1.0 + np.sin(3.0 * np.pi * position))).sum(axis=1)
    front = np.concatenate([position, last[:, None]], axis=1)
    return front[np.asarray(moocore.is_nondominated(front))]
