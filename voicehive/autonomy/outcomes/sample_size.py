"""What a test that looks once needs: the peer of the sequential test, and a word of warning for short windows."""

from scipy.stats import nct, t

_MOST = 100_000


def fixed_sample_size(effect: float, alpha: float, power: float, baseline: int | None = None) -> int | None:
    """How many readings a one-sided t test needs, that looks once, to find an effect in standard deviations.

    With a `baseline` of so many readings it is the two-sample test; without, the one-sample (paired) test. None where
    no number suffices: a small baseline limits what can be found, however long one watches. Power by the noncentral
    t distribution (Lehmann and Romano, Testing Statistical Hypotheses, section 5.3).
    """
    low, high = 1, 2
    while _power(effect, alpha, high, baseline) < power:
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(effect, alpha, middle, baseline) >= power else (middle, high)
    return high


def _power(effect: float, alpha: float, readings: int, baseline: int | None) -> float:
    if baseline is None:
        freedom, information = readings - 1, float(readings)
    else:
        freedom, information = baseline + readings - 2, 1 / (1 / baseline + 1 / readings)
    return float(nct.sf(t.isf(alpha, freedom), freedom, effect * information**0.5))
