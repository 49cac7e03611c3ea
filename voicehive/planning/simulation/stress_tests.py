"""Stress tests of goals: from samples to conditions under which they are missed, said in words."""

import numpy as np

from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation import stress
from voicehive.planning.simulation.conditional import BINS, Partition, ScoreBins
from voicehive.planning.simulation.forecasts import Names
from voicehive.planning.simulation.result import Condition, Shift, StressTest
from voicehive.planning.simulation.targets import GoalTarget

_MERGED = 3
"""So many bins of a driver are one slice of the table that is peeled."""


class StressTests:
    """What must be true to miss each goal."""

    def __init__(self, names: Names, parts: Partition, counts: Floats, hits: Floats, reached: Floats) -> None:
        """From all samples by bin `counts` (F, B), those that reach targets `hits` (F, B, G), `reached` (G, N)."""
        self._names, self._parts, self._reached = names, parts, reached
        self._counts, self._misses = counts, counts[..., None] - hits
        self._distances = stress.distances(counts, self._misses)
        self._score_bins = ScoreBins()
        self._sliced: dict[int, stress.Places] = {}

    def of(self, row: int, goal: GoalTarget) -> StressTest | None:
        """The test of the goal in the given row, or None where it is missed too seldom, or always, to tell."""
        missed = self._reached[row] == 0.0
        count = int(missed.sum())
        if count < stress.LEAST_MISSES or count == len(missed) or not len(self._names):
            return None
        telling = [int(one) for one in np.argsort(-self._distances[:, row], kind="stable")[: stress.TELLING]]
        shape = tuple(BINS // _MERGED if factor < self._names.drivers else 2 for factor in telling)
        box = stress.peel(*stress.tables_of([self._slices(factor) for factor in telling], shape, missed))
        conditions = tuple(
            self._condition(factor, bounds)
            for factor, bounds, length in zip(telling, box.ranges, shape, strict=True)
            if bounds != (0, length - 1)
        )
        return StressTest(
            conditions=conditions,
            miss_probability=box.miss_probability,
            share_of_futures=box.share_of_futures,
            share_of_misses=box.share_of_misses,
            shifts=tuple(self._shift(factor, row) for factor in telling),
            explanation=_explanation(goal, conditions, box, count / len(missed)),
        )

    def _slices(self, factor: int) -> stress.Places:
        if factor not in self._sliced:
            bins = self._parts.bins[factor]
            self._sliced[factor] = bins // _MERGED if factor < self._names.drivers else bins
        return self._sliced[factor]

    def _condition(self, factor: int, bounds: tuple[int, int]) -> Condition:
        name = self._names.all[factor]
        if factor >= self._names.drivers:
            return Condition(input=name, happens=bounds == (1, 1))
        edges = self._score_bins.edges[::_MERGED][[bounds[0], bounds[1] + 1]]
        low, high = self._names.inputs.drivers[factor].distribution.at_scores(edges)
        open_low, open_high = bool(edges[0] == -np.inf), bool(edges[1] == np.inf)
        return Condition(input=name, low=None if open_low else float(low), high=None if open_high else float(high))

    def _shift(self, factor: int, row: int) -> Shift:
        usual, missed = self._counts[factor], self._misses[factor, :, row]
        typical = self._median if factor < self._names.drivers else _share_happening
        return Shift(
            input=self._names.all[factor],
            distance=float(self._distances[factor, row]),
            usual=typical(usual, factor),
            when_missed=typical(missed, factor),
        )

    def _median(self, counts: Floats, factor: int) -> float:
        """A driver's median, interpolated in the bin's scores."""
        reached = np.cumsum(counts) / counts.sum()
        place = int(np.searchsorted(reached, 0.5))
        before = float(reached[place - 1]) if place else 0.0
        low, high = self._score_bins.edges[[place, place + 1]].clip(-4.0, 4.0)
        score = low + (high - low) * (0.5 - before) / (float(reached[place]) - before)
        return float(self._names.inputs.drivers[factor].distribution.at_scores(np.array([score]))[0])


def _share_happening(counts: Floats, _: int) -> float:
    return float(counts[1] / counts.sum())


def _explanation(goal: GoalTarget, conditions: tuple[Condition, ...], box: stress.Box, usual: float) -> str:
    if not conditions:
        return f"{goal.id} is missed in {usual:.0%} of all futures; no range of a few inputs tells them apart"
    return (
        f"{goal.id} is missed with a probability of {box.miss_probability:.0%} (else {usual:.0%}) where "
        f"{' and '.join(map(_worded, conditions))}: {box.share_of_futures:.0%} of all futures, but "
        f"{box.share_of_misses:.0%} of all misses"
    )


def _worded(condition: Condition) -> str:
    if condition.happens is not None:
        return f"{condition.input} {'happens' if condition.happens else 'does not happen'}"
    if condition.low is None:
        return f"{condition.input} is below {condition.high:.4g}"
    if condition.high is None:
        return f"{condition.input} is above {condition.low:.4g}"
    return f"{condition.input} is between {condition.low:.4g} and {condition.high:.4g}"
