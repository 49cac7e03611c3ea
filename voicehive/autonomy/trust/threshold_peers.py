"""Other ways to a threshold on the same promise, to be measured against; binary losses only."""

import math

import numpy as np

from voicehive.autonomy.trust.guarantee import threshold_p_values
from voicehive.autonomy.trust.outcome import Floats
from voicehive.autonomy.trust.promise import RiskPromise


def bonferroni_threshold(thresholds: Floats, confidences: Floats, losses: Floats, promise: RiskPromise) -> float | None:
    """The lowest of `thresholds` (T,), chosen beforehand, that passes at delta / T (Learn then Test, section 2)."""
    passed = threshold_p_values(thresholds, confidences, losses, promise) <= promise.delta / len(thresholds)
    return float(thresholds[passed].min()) if passed.any() else None


def selection_with_guaranteed_risk(confidences: Floats, losses: Floats, promise: RiskPromise) -> float | None:
    """SGR (Geifman and El-Yaniv 2017, algorithm 2): a binary search over the test outcomes' own confidences.

    Each of its ceil(log2 N) steps is tested at an equal share of delta. None where no step passed.
    """
    if len(confidences) < 2:
        return None
    levels = np.sort(confidences)
    steps = math.ceil(math.log2(len(levels)))
    low, high, best = 0, len(levels) - 1, None
    for _ in range(steps):
        middle = (low + high + 1) // 2
        tried = levels[middle : middle + 1]
        if threshold_p_values(tried, confidences, losses, promise)[0] <= promise.delta / steps:
            best, high = float(tried[0]), middle
        else:
            low = middle
    return best


def naive_threshold(confidences: Floats, losses: Floats, promise: RiskPromise) -> float | None:
    """The lowest confidence whose accepted outcomes lost at most alpha on average: what is done without a test."""
    order = np.argsort(-confidences, kind="stable")
    risks = np.cumsum(losses[order]) / np.arange(1, len(order) + 1)
    last = np.append(np.diff(confidences[order]) != 0, True)
    kept = np.flatnonzero((risks <= promise.alpha) & last)
    return float(confidences[order][kept[-1]]) if len(kept) else None
