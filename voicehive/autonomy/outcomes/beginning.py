"""Starts a watch: turns what was before the change into the state that readings are then folded into."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from voicehive.autonomy.outcomes.dependence import block_means, variance_inflation
from voicehive.autonomy.outcomes.errors import WatchMismatch
from voicehive.autonomy.outcomes.points import finite
from voicehive.autonomy.outcomes.sample_size import fixed_sample_size
from voicehive.autonomy.outcomes.sequential_ranks import Floats, lattice_gap, readings_for_scale, standard_effect
from voicehive.autonomy.outcomes.state import MetricState, RankEvidence, SignEvidence, WatchState
from voicehive.autonomy.outcomes.thinning import Thinning
from voicehive.autonomy.outcomes.watch import LARGEST_BASELINE, OutcomeWatch, WatchedMetric

FEWEST_INDEPENDENT = 20
"""Readings from before, each counted for as much of an independent one as it is worth. Fewer hardly ever decide."""


def begin(
    watch: OutcomeWatch, started_at: datetime, baselines: Mapping[str, Sequence[float | None]] | None = None
) -> WatchState:
    """The state before the first reading.

    `baselines` gives, for metrics that do not declare their own, the readings from before the change, oldest first;
    what is not a number is left out. A metric whose baseline is too small to test keeps its guard-rail, and says so.

    Raises:
        WatchMismatch: a baseline for a metric that is not watched, or a start without a time zone.
    """
    given = baselines or {}
    if unknown := sorted(name for name in given if watch.metric(name) is None):
        raise WatchMismatch(f"baselines: {', '.join(unknown)} is not a metric of this watch; correct the name")
    if started_at.tzinfo is None:
        raise WatchMismatch("started_at has no time zone; give one, UTC for example")
    states = tuple(
        _begin_metric(watch, metric, metric.baseline or given.get(metric.name, ())) for metric in watch.metrics
    )
    return WatchState(watch_digest=watch.content_digest(), started_at=started_at, metrics=states)


def _begin_metric(watch: OutcomeWatch, metric: WatchedMetric, raw: Sequence[float | None]) -> MetricState:
    numbers = [number for one in raw if (number := finite(one)) is not None][-LARGEST_BASELINE:]
    length = watch.readings_per_block or 1
    if metric.control is not None and not numbers:
        return MetricState(name=metric.name, evidence=SignEvidence(), block=length)
    blocks = np.array(block_means([metric.sign * number for number in numbers], length))
    inflation = float(variance_inflation(blocks)) if len(blocks) >= FEWEST_INDEPENDENT else 1.0
    if len(blocks) < FEWEST_INDEPENDENT * inflation:
        too_few = _too_few(len(numbers), length, inflation)
        return MetricState(name=metric.name, evidence=None, untestable=too_few, block=length)
    evidence = _rank_evidence(watch, metric, blocks, inflation)
    worth = int(len(evidence.reference) / inflation)
    needed = fixed_sample_size(evidence.effect, watch.alpha_per_metric, watch.power, worth)
    return MetricState(
        name=metric.name,
        evidence=evidence,
        block=length,
        baseline_mean=sum(numbers) / len(numbers),
        needed_readings=None if needed is None else math.ceil(needed * inflation) * length,
    )


def _rank_evidence(watch: OutcomeWatch, metric: WatchedMetric, blocks: Floats, inflation: float) -> RankEvidence:
    for_scale = readings_for_scale(len(blocks))
    gap = lattice_gap(blocks)
    planned, scale_sample = metric.planned_degradation, blocks[:for_scale]
    thinning = Thinning.undoing(planned, blocks, gap)
    effect = thinning.effect(planned, scale_sample) if thinning else float(standard_effect(planned, scale_sample))
    # Seeded by the watch, so that beginning it again gives the same state.
    spread = np.random.default_rng(int(watch.content_digest(), 16)).random(len(blocks) - for_scale)
    return RankEvidence(
        reference=tuple(sorted((blocks[for_scale:] + gap * spread).tolist())),
        effect=effect,
        gap=gap,
        inflation=inflation,
        lowest=thinning.lowest if thinning else 0.0,
        keep=thinning.keep if thinning else None,
    )


def _too_few(readings: int, length: int, inflation: float) -> str:
    if readings == 0:
        return "there are no readings from before the change to compare with"
    alike = f", which resemble their neighbours so much that {inflation:.1f} count for one," if inflation > 1 else ""
    return (
        f"{readings} readings from before the change{alike} are too few to compare with; "
        f"give at least {math.ceil(FEWEST_INDEPENDENT * length * inflation)}"
    )
