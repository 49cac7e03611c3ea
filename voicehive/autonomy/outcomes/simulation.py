"""The same tests over many series at once: how often, and how soon, a watch would have decided."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicehive.autonomy.outcomes import sequential_ranks, sign_flips
from voicehive.autonomy.outcomes.dependence import variance_inflation
from voicehive.autonomy.outcomes.sequential_ranks import TOLERANCE
from voicehive.autonomy.outcomes.thinning import Thinning

Floats: TypeAlias = NDArray[np.float64]
_Step: TypeAlias = Callable[[int, Floats, tuple[Floats, Floats]], tuple[Any, Any]]


@dataclass(frozen=True)
class Evidence:
    """Natural logarithms of both e-values of R series after each of N readings, (R, N); see `state.RankEvidence`.

    They stay where they are once they convince, at `thresholds`.
    """

    degraded: Floats
    unharmed: Floats
    thresholds: tuple[float, float]

    @property
    def ever_degraded(self) -> NDArray[np.bool_]:
        """Of which series (R,) a degradation is reported at some time, whatever was said before."""
        return self._first_degraded < self.degraded.shape[1]

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Which series (R,) are called bad first."""
        return self.ever_degraded & (self._first_degraded <= self._first_unharmed)

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which series (R,) are called good first."""
        return self._first_unharmed < self._first_degraded

    @property
    def readings(self) -> NDArray[np.int64]:
        """After how many readings (R,) there is a verdict; all N where there is none."""
        return np.minimum(np.minimum(self._first_degraded, self._first_unharmed) + 1, self.degraded.shape[1])

    @property
    def _first_degraded(self) -> NDArray[np.int64]:
        return _first(self.degraded, self.thresholds[0])

    @property
    def _first_unharmed(self) -> NDArray[np.int64]:
        return _first(self.unharmed, self.thresholds[1])


def rank_evidence(
    baseline: Floats, after: Floats, planned: float, generator: np.random.Generator, *, alpha: float, miss: float
) -> Evidence:
    """Sequential ranks of readings (R, N) after those before (R, M), oldest first; larger is worse.

    `alpha` bounds the share called worse if nothing changed, `miss` the share called good if worse by `planned`.
    """
    for_scale = sequential_ranks.readings_for_scale(baseline.shape[1])
    effect = sequential_ranks.standard_effect(planned, baseline[:, :for_scale])
    inflation = variance_inflation(baseline)
    gaps = np.array([sequential_ranks.lattice_gap(one) for one in baseline])
    lessened = after - planned
    for row, (before, gap) in enumerate(zip(baseline, gaps.tolist(), strict=True)):
        if thinning := Thinning.undoing(planned, before, gap):
            effect[row] = thinning.effect(planned, before[:for_scale])
            lessened[row] = thinning.kept(after[row], generator.random(after.shape[1]))
    spread = gaps[:, None] * generator.random(after.shape)
    after, lessened = after + spread, lessened + spread
    reference = baseline[:, for_scale:]
    reference = reference + gaps[:, None] * generator.random(reference.shape)

    def step(count: int, latest: Floats, rooms: tuple[Floats, Floats]) -> tuple[Any, Any]:
        uniform = generator.random(len(latest))
        ranks = (
            _rank(_below(reference, latest), _below(after[:, :count], latest), uniform),
            _rank(_below(reference, lessened[:, count]), _below(lessened[:, :count], lessened[:, count]), uniform),
        )
        return sequential_ranks.log_factors(ranks, effect, (reference.shape[1], count), rooms, inflation)

    return _accumulated(after, step, alpha, miss)


def sign_evidence(differences: Floats, planned: float, *, alpha: float, miss: float) -> Evidence:
    """Bets on the signs of differences (R, N) between canary and control; larger is worse. See `rank_evidence`."""
    counts: Floats = np.arange(float(differences.shape[1]))
    sums: Floats = differences.cumsum(axis=1)
    means: Floats = (sums - differences) / np.maximum(counts, 1.0)
    # Welford's update of the sum of squared distances from the mean.
    gains: Floats = (differences - means) ** 2 * counts / (counts + 1)
    squares: Floats = gains.cumsum(axis=1) - gains

    def step(count: int, latest: Floats, rooms: tuple[Floats, Floats]) -> tuple[Any, Any]:
        mean, spread = means[:, count], squares[:, count]
        return (
            sign_flips.log_factor(latest, (count, mean, spread), planned, rooms[0]),
            sign_flips.log_factor(planned - latest, (count, planned - mean, spread), planned, rooms[1]),
        )

    return _accumulated(differences, step, alpha, miss)


def _accumulated(after: Floats, step: _Step, alpha: float, miss: float) -> Evidence:
    thresholds = -math.log(alpha), -math.log(miss)
    totals = np.zeros((2, after.shape[0], after.shape[1] + 1))
    for count, latest in enumerate(after.T):
        rooms = [threshold - total for threshold, total in zip(thresholds, totals[:, :, count], strict=True)]
        open_ = [room > TOLERANCE for room in rooms]
        steps = step(count, latest, (np.maximum(rooms[0], TOLERANCE), np.maximum(rooms[1], TOLERANCE)))
        for total, one, undecided in zip(totals, steps, open_, strict=True):
            total[:, count + 1] = total[:, count] + np.where(undecided, one, 0.0)
    return Evidence(totals[0, :, 1:], totals[1, :, 1:], thresholds)


def _first(logarithms: Floats, needed: float) -> NDArray[np.int64]:
    """The index (R,) of the first reading that convinces; N where none does."""
    return np.asarray(np.sum(np.maximum.accumulate(logarithms, axis=1) < needed - TOLERANCE, axis=1), np.int64)


def _below(values: Floats, bound: Floats) -> tuple[Any, Any]:
    """How many of the values (R, K) are smaller than each bound (R,), and how many equal it."""
    return (values < bound[:, None]).sum(axis=1), (values == bound[:, None]).sum(axis=1)


def _rank(before: tuple[Any, Any], after: tuple[Any, Any], uniform: Floats) -> Any:
    return sequential_ranks.rank_among(before[0] + after[0], before[1] + after[1], uniform)
