"""The lowest threshold that keeps the operator's promise, certified on outcomes that had no part in choosing it.

Learn then Test (Angelopoulos, Bates, Candes, Jordan and Lei 2021) with fixed-sequence testing: thresholds are tested in
an order fixed beforehand, each at the full delta, until one fails. One whose risk is above alpha is certified with
probability at most delta, because to reach any such threshold the first of them in the order must be passed. Given how
many cases a threshold accepts, their losses are independent with its risk as their mean, so its p-value is exact.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from voicehive.autonomy.trust.errors import OutcomesUnusable
from voicehive.autonomy.trust.outcome import Floats, Share
from voicehive.autonomy.trust.p_values import betting_p_value, binomial_p_value, faultless_needed
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.model import Model

Count = Annotated[int, Field(ge=0)]


class Certificate(Model):
    """What a test of thresholds allows.

    `threshold`: decisions at least this sure may run alone; None: none may. `tested`, `accepted`, `loss`: how many
    outcomes were kept for the test, how many of them lie at or above the threshold (or, for None, above the one
    at which the walk began), and the sum of those outcomes' losses. `p_value` belongs to the same threshold.
    `more_faultless`: how many more accepted test outcomes without a fault would certify; 0 with a threshold.
    """

    promise: RiskPromise
    threshold: Share | None
    tested: Count
    accepted: Count
    loss: Annotated[float, Field(ge=0.0)]
    p_value: Share
    more_faultless: Count
    reason: str

    @property
    def coverage(self) -> float:
        """The share of the test outcomes that would have run alone."""
        return self.accepted / self.tested if self.threshold is not None and self.tested else 0.0


def certify(thresholds: Floats, confidences: Floats, losses: Floats, promise: RiskPromise) -> Certificate:
    """Walks down `thresholds` (T,), falling and chosen without these outcomes, and keeps the last that passed.

    `confidences` and `losses` (N,) are the test outcomes', in the order they came. A threshold accepts what is at least
    as sure. Raises OutcomesUnusable for losses outside what the promise declares, and for thresholds out of order.
    """
    promise.require(losses)
    if len(thresholds) == 0 or np.any(np.diff(thresholds) >= 0):
        raise OutcomesUnusable("thresholds: at least one, each below the one before; sort them falling")
    p_values = threshold_p_values(thresholds, confidences, losses, promise)
    failures = np.flatnonzero(p_values > promise.delta)
    passed = int(failures[0]) if len(failures) else len(thresholds)
    place = max(passed - 1, 0)
    taken = losses[confidences >= thresholds[place]]
    lacking = 0 if passed else more_faultless(taken, promise)
    return Certificate(
        promise=promise,
        threshold=float(thresholds[place]) if passed else None,
        tested=len(losses),
        accepted=len(taken),
        loss=float(taken.sum()),
        p_value=float(p_values[place]),
        more_faultless=lacking,
        reason=_reason(len(taken), float(taken.sum()), float(p_values[place]), lacking, promise),
    )


def threshold_p_values(thresholds: Floats, confidences: Floats, losses: Floats, promise: RiskPromise) -> Floats:
    """The p-value (T,) of "the mean loss of what this threshold accepts is above alpha", for each threshold (T,)."""
    if promise.losses == "bounded":
        taken = (losses[confidences >= threshold] for threshold in thresholds)
        return np.asarray([betting_p_value(some, promise.alpha, promise.delta) for some in taken])
    order = np.argsort(-confidences, kind="stable")
    accepted = np.searchsorted(-confidences[order], -thresholds, side="right")
    faults = np.concatenate(([0.0], np.cumsum(losses[order])))[accepted]
    return binomial_p_value(faults, accepted.astype(np.float64), promise.alpha)


def more_faultless(losses: Floats, promise: RiskPromise) -> int:
    """How many further outcomes of loss 0 it takes until those accepted so far, `losses` (n,), are certified.

    Exact for binary losses. For bounded ones the exact binomial of the losses' sum rounded up: an estimate.
    """
    return faultless_needed(int(np.ceil(losses.sum())), len(losses), promise.alpha, promise.delta)


def _reason(accepted: int, loss: float, p_value: float, lacking: int, promise: RiskPromise) -> str:
    seen = f"{accepted} accepted test outcomes with a total loss of {loss:g}"
    if lacking == 0 and p_value <= promise.delta:
        return f"{seen} show a risk of at most {promise.alpha:g} (p = {p_value:.2g})"
    return (
        f"{seen} do not show a risk of at most {promise.alpha:g} with certainty {1 - promise.delta:g} "
        f"(p = {p_value:.2g}); record about {lacking} more faultless ones, or allow a greater alpha"
    )
