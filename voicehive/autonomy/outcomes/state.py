"""How a watch stands: what was folded in so far, small enough to be stored after every reading."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from voicehive.model import Model


class Counts(Model):
    """What became of the points: `folded` readings were used; the others were not, and why.

    `missing` had no usable number, `late` came after a later one, `duplicate` came again for the same interval,
    `outside` lay before or after the window.
    """

    folded: int = 0
    missing: int = 0
    late: int = 0
    duplicate: int = 0
    outside: int = 0


class RankEvidence(Model):
    """Evidence by sequential ranks among `reference` (from before) and `after`; both sorted, larger is worse.

    `effect` is the planned degradation in standard deviations; `gap` that of `sequential_ranks.lattice_gap`, and
    `inflation` of `dependence.variance_inflation`. Where readings are counts, of which `lowest` is that of no case,
    `keep` of the cases are left if the planned degradation is undone, as in `lessened` (else: `after` is shifted).
    `degraded` is the natural logarithm of the e-value against "nothing has changed", `unharmed` that against "worse by
    the planned degradation".
    """

    kind: Literal["ranks"] = "ranks"
    reference: tuple[float, ...]
    after: tuple[float, ...] = ()
    effect: float
    gap: float = 0.0
    inflation: float = 1.0
    lowest: float = 0.0
    keep: float | None = None
    lessened: tuple[float, ...] = ()
    degraded: float = 0.0
    unharmed: float = 0.0


class SignEvidence(Model):
    """Evidence by the signs of `count` differences between canary and control; larger is worse.

    `mean` is that of the differences, `squares` sums their squared distances from it. `degraded` and `unharmed` are as
    in `RankEvidence`.
    """

    kind: Literal["signs"] = "signs"
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    degraded: float = 0.0
    unharmed: float = 0.0


Evidence: TypeAlias = Annotated[RankEvidence | SignEvidence, Field(discriminator="kind")]


class MetricState(Model):
    """How one metric stands.

    `untestable` says why there is no test (`evidence` is None). `block` readings are averaged into one, and `partial`
    holds those of a block not yet full. `mean` is that of all folded readings, `baseline_mean` that of the readings
    before; for a canary, of differences. `needed_readings` is what a test of fixed sample size would need (None: no
    number suffices, or it is not known). `breaches` counts readings beyond the guard-rail, one after another.
    """

    name: str
    evidence: Evidence | None
    untestable: str = ""
    block: int = 1
    partial: tuple[float, ...] = ()
    mean: float = 0.0
    baseline_mean: float | None = None
    needed_readings: int | None = None
    breaches: int = 0
    breached_at: datetime | None = None
    degraded_at: datetime | None = None
    unharmed_at: datetime | None = None
    last_interval: int = -1
    counts: Counts = Counts()


class WatchState(Model):
    """How a watch stands; `watch_digest` names the watch it belongs to."""

    watch_digest: str
    started_at: datetime
    metrics: tuple[MetricState, ...]
