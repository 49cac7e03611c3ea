"""P-values of "the risk is above alpha": small ones show that it is not.

With n cases accepted, whose losses are independent and have the same mean (the risk): binary losses are tested by the
exact binomial, all others by betting; Hoeffding-Bentkus needs no more than the mean and is kept for planning.
"""

import math

import numpy as np
from scipy.special import bdtr, xlogy

from voicehive.autonomy.trust.outcome import Floats


def binomial_p_value(faults: Floats, accepted: Floats, alpha: float) -> Floats:
    """P(Bin(accepted, alpha) <= faults), elementwise; 1 where nothing was accepted.

    At most delta exactly where the upper Clopper-Pearson limit of level 1 - delta is at most alpha (1934).
    """
    return np.where(accepted > 0, bdtr(faults, np.maximum(accepted, 1).astype(np.int64), alpha), 1.0)


def hoeffding_bentkus_p_value(total: Floats, accepted: Floats, alpha: float) -> Floats:
    """For losses in [0, 1] that sum to `total`, elementwise; Bates et al. 2021, as in Learn then Test, section 2.

    The smaller of Hoeffding's exp(-n kl(min(mean, alpha), alpha)) and Bentkus's e P(Bin(n, alpha) <= ceil(total)).
    """
    count = np.maximum(accepted, 1)
    mean = np.minimum(total / count, alpha)
    divergence = xlogy(mean, mean / alpha) + xlogy(1 - mean, (1 - mean) / (1 - alpha))
    bentkus = math.e * bdtr(np.ceil(total), count.astype(np.int64), alpha)
    return np.where(accepted > 0, np.minimum(1.0, np.minimum(np.exp(-count * divergence), bentkus)), 1.0)


def betting_p_value(losses: Floats, alpha: float, delta: float) -> float:
    """For losses (n,) in [0, 1], in an order that does not depend on them; Waudby-Smith and Ramdas 2023.

    A gambler who starts with 1 stakes on losses below alpha, the more the less they varied so far; 1 over the most he
    ever had is a p-value by Ville's inequality. Stakes are those of Bates et al. 2021, proposition 5, aimed at delta.
    """
    count = len(losses)
    if count == 0:
        return 1.0
    steps = np.arange(1, count + 1)
    means = (0.5 + np.cumsum(losses)) / (1 + steps)
    variances = (0.25 + np.cumsum((losses - means) ** 2)) / (1 + steps)
    known = np.concatenate(([0.25], variances[:-1]))
    stakes = np.minimum(1.0, np.sqrt(2 * math.log(1 / delta) / (count * known)))
    wealth = np.cumsum(np.log1p(-stakes * (losses - alpha)))
    return float(np.exp(-max(0.0, float(wealth.max()))))


def faultless_needed(faults: int, accepted: int, alpha: float, delta: float) -> int:
    """How many more cases without a fault certify alpha at delta (exact binomial); 0 where it is certified already.

    From nothing: 299, 149 and 59 for 1, 2 and 5 % at delta 5 %, which is ln(delta) / ln(1 - alpha) rounded up.
    """

    def certified(more: int) -> bool:
        return accepted + more > 0 and float(bdtr(faults, accepted + more, alpha)) <= delta

    low, high = -1, 0
    while not certified(high):
        low, high = high, 2 * high + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if certified(middle) else (middle, high)
    return high
