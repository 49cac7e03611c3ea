"""Whether a change did harm, and everything that says so."""

from typing import Literal, TypeAlias

from voicehive.autonomy.outcomes.state import Counts
from voicehive.model import Model

OutcomeWord: TypeAlias = Literal["good", "bad", "unclear"]


class MetricVerdict(Model):
    """What one metric says, in its own unit.

    `degradation` is the estimated worsening (negative: it became better). The e-values measure the evidence against "it
    did not change" and against "it is worse by the planned degradation"; they convince from `degraded_needed` and
    `unharmed_needed` upwards, and 1 means none. `expected` is how many readings there could have been so far.
    """

    name: str
    verdict: OutcomeWord
    unit: str
    mean_before: float | None
    mean_after: float | None
    degradation: float | None
    planned_degradation: float
    degraded_e_value: float
    degraded_needed: float
    unharmed_e_value: float
    unharmed_needed: float
    expected: int
    counts: Counts
    reason: str


class OutcomeVerdict(Model):
    """The verdict over all metrics; where it is `final`, the watch may end."""

    verdict: OutcomeWord
    final: bool
    reasons: tuple[str, ...]
    metrics: tuple[MetricVerdict, ...]
