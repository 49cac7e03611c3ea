"""An anytime-valid test of paired differences, by their signs: what a canary has when nothing is known from before.

If the canary reads like the control, their difference at a moment is as likely d as -d. Given its size, its sign is
then a fair coin, and the likelihood ratio of a normal shift given the size, 2 / (1 + exp(-2 t)) with t = shift times
difference over variance, is a fair bet: its mean over both signs is exactly 1, whatever the variance and however it
changes in time. The product of such bets is a martingale (Ville 1939; testing symmetry by betting: Ramdas, Ruf, Larsson
and Koolen 2020), and a real shift below 0 only makes it smaller. The bet depends on sizes only, so the variance may be
estimated from all differences so far, the present one included.
"""

# pyright: reportUnknownVariableType=false

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_CAUTION = 2.0
"""The second moment of n differences is raised by this many n-ths, so that the first ones do not stake everything."""


def log_factor(difference: Any, squares: Any, count: int, planned: float, room: Any) -> Any:
    """The logarithm of the bet on the latest of `count` differences being shifted by `planned` (either sign).

    `squares` sums the squares of all of them. No bet wins more than `room` (> 0); what it could have won beyond is
    spared when it loses, so that the mean remains 1 (as in `sequential_ranks`).
    """
    leaning = _leaning(difference, squares, count, planned)
    won = np.minimum(np.log(2.0) - np.logaddexp(0.0, -2 * np.abs(leaning)), room)
    # A certain win would lose everything at the other sign: what is lost stays finite.
    lost = np.log(np.maximum(2 - np.exp(won), np.finfo(np.float64).tiny))
    wins: NDArray[np.bool_] = np.greater_equal(leaning, 0)
    return np.where(wins, won, lost)


def _leaning(difference: Any, squares: Any, count: int, planned: float) -> Any:
    """Planned shift times difference over variance; 0 for a difference of 0, which has no sign and says nothing."""
    second_moment = np.asarray(squares) / count * (1 + _CAUTION / count)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(difference) == 0, 0.0, planned * np.asarray(difference) / second_moment)
