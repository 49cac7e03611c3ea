"""An anytime-valid test of paired differences, by their signs: what a canary has when nothing is known from before.

If the canary reads like the control, their difference at a moment is as likely d as -d, whatever was before. Given its
size, its sign is then a fair coin, and any bet on it that depends on the size and on earlier differences is fair: here
f(d) / (f(d) + f(-d)) times 2, where f predicts a canary that is worse. Its mean over both signs is exactly 1, whatever
the variance and however it changes in time, and a shift below 0 only makes it smaller. The product of such bets is a
martingale (Ville 1939; testing symmetry by betting: Ramdas, Ruf, Larsson and Koolen 2020).

The nearer f is to the truth, the sooner the test decides. It is Student's t, the predictive law of normal differences
whose mean and variance are learned from those before (DeGroot, Optimal Statistical Decisions, 1970, section 9.6),
starting from the planned degradation. So a larger one is bet on more, where a bet on the planned size alone would
forgo it. No bet more than doubles what is staked, so five readings are the least that show a degradation at 5 %.

Differences that resemble their neighbours, beyond what pairing takes off both, break the bound: what was before is
then needed to tell by how much (`dependence`).
"""

# pyright: reportUnknownVariableType=false

from typing import Any, TypeAlias

import numpy as np

Before: TypeAlias = tuple[int, Any, Any]
"""How many differences there were before, their mean, and the sum of their squared distances from it."""

# What is supposed before the first difference: how large a shift is, as a multiple of the planned degradation, and by
# how much it varies (its precision; 1 / planned^2 is one unit); what the standard deviation of a difference is, as such
# a multiple, and how many degrees of freedom that is worth. Chosen on simulated normal differences whose standard
# deviation is 2 to 5 planned degradations.
_SHIFT, _PRECISION, _DEVIATION, _FREEDOM = 1.5, 2.0, 1.8, 3.0


def log_factor(difference: Any, before: Before, planned: float, room: Any) -> Any:
    """The logarithm of the bet on a difference being shifted upwards by `planned` (> 0) or more.

    No bet wins more than `room` (> 0); what it could have won beyond is spared when it loses, so that the mean remains
    1 (as in `sequential_ranks`).
    """
    won = np.minimum(np.log(2.0) - np.logaddexp(0.0, -_leaning(difference, before, planned)), room)
    # A certain win would lose everything at the other sign: what is lost stays finite.
    lost = np.log(np.maximum(2 - np.exp(won), np.finfo(np.float64).tiny))
    return np.where(np.asarray(difference) > 0, won, np.where(np.asarray(difference) < 0, lost, 0.0))


def _leaning(difference: Any, before: Before, planned: float) -> Any:
    """The logarithm of f(d) / f(-d) at the size of a difference: at least 0, since the shift expected is."""
    count, mean, squares = before
    freedom = _FREEDOM + max(count - 1, 0)
    variance = (_FREEDOM * (_DEVIATION * planned) ** 2 + np.asarray(squares)) / freedom
    supposed = _PRECISION * variance / planned**2
    shift = np.maximum((supposed * _SHIFT * planned + count * np.asarray(mean)) / (supposed + count), planned)
    spread = freedom * variance * (1 + 1 / (supposed + count))
    size = np.abs(difference)
    return (freedom + 1) / 2 * (np.log1p((size + shift) ** 2 / spread) - np.log1p((size - shift) ** 2 / spread))
