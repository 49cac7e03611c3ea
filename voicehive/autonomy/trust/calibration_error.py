"""How honest probabilities were: the Brier score and the expected calibration error."""

import numpy as np

from voicehive.autonomy.trust.outcome import Floats


def brier_score(probabilities: Floats, right: Floats) -> float:
    """Mean squared difference of probabilities (N,) and what came, `right` (N,) in [0, 1]; Brier 1950."""
    return float(np.mean((probabilities - right) ** 2))


def expected_calibration_error(probabilities: Floats, right: Floats, bins: int = 10) -> float:
    """Sum over bins of (share of the bin) x |mean probability - mean of `right`|; both (N,), N at least 1.

    Naeini et al. 2015, with bins of equal mass instead of equal width (Nguyen and O'Connor 2015), so that no bin is
    empty or speaks from a handful of cases. Equal probabilities keep the order given, which must not
    depend on `right`.
    """
    order = np.argsort(probabilities, kind="stable")
    groups = np.array_split(order, min(bins, len(order)))
    gaps = [abs(float(probabilities[group].mean() - right[group].mean())) * len(group) for group in groups]
    return sum(gaps) / len(order)
