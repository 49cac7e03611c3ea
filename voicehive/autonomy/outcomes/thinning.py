"""Takes a degradation off counts of rare cases, and off shares of few values, which a degradation does not shift.

If every case is as likely as before times 1 / keep, then counts of which each case is kept with probability `keep` are
distributed as they were before (binomial and Poisson thinning: Kingman, Poisson Processes, 1993, section 5.1). Ruling a
degradation out rests on that, where taking it off each reading would put a reading of no case below all its equals.
"""

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm, poisson

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Thinning:
    """Readings are `lowest` plus `gap` times a count, of which a share `keep` is kept."""

    lowest: float
    gap: float
    keep: float

    @classmethod
    def undoing(cls, planned: float, baseline: Floats, gap: float) -> Self | None:
        """What undoes a degradation of readings (M,) that lie `gap` apart; None where a shift does: not so few values.

        The best reading is taken for that of no case.
        """
        if planned >= 2 * gap:
            return None
        lowest = float(baseline.min())
        usual = float(baseline.mean()) - lowest
        return cls(lowest, gap, usual / (usual + planned))

    def kept(self, readings: Any, uniforms: Any) -> Any:
        """Readings (...) with their cases thinned, by `uniforms` (...) in [0, 1); one better than `lowest` stays."""
        counts = np.maximum(np.rint((np.asarray(readings) - self.lowest) / self.gap), 0)
        kept = np.maximum(binom.ppf(uniforms, counts, self.keep), 0)
        return readings - self.gap * (counts - kept)

    def effect(self, planned: float, sample: Floats) -> float:
        """By how much the planned degradation raises normal scores of counts, spread evenly over `gap`, on average.

        A Poisson count's, of whose rate readings (K,) are a sample; for large rates, the effect in standard deviations.
        """
        rate = max(float(sample.mean()) - self.lowest, self.gap / 2 / len(sample)) / self.gap
        more = planned / self.gap
        counts = np.arange(int(rate + more + 10 * (rate + more) ** 0.5) + 10)
        density: Floats = norm.pdf(norm.ppf(poisson.cdf(counts, rate)))
        scores = -np.diff(density, prepend=0.0)  # a count's mean score, times its probability
        return float(np.exp(counts * np.log1p(more / rate) - more) @ scores)
