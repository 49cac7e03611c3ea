"""Starts a watch: turns what was before the change into the state that readings are then folded into."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from voicehive.autonomy.outcomes.blocks import block_length, block_means, lag_one_autocorrelation
from voicehive.autonomy.outcomes.errors import WatchMismatch
from voicehive.autonomy.outcomes.points import finite
from voicehive.autonomy.outcomes.sample_size import fixed_sample_size
from voicehive.autonomy.outcomes.sequential_ranks import lattice_gap, readings_for_scale, standard_effect
from voicehive.autonomy.outcomes.state import MetricState, RankEvidence, SignEvidence, WatchState
from voicehive.autonomy.outcomes.watch import LARGEST_BASELINE, OutcomeWatch, WatchedMetric

FEWEST_BASELINE_BLOCKS = 20
"""With fewer, the test could hardly ever decide."""


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
    if metric.control is not None and not numbers:
        return MetricState(name=metric.name, evidence=SignEvidence(), block=watch.readings_per_block or 1)
    worsening = [metric.sign * number for number in numbers]
    length = watch.readings_per_block or (block_length(worsening) if len(worsening) > 1 else 1)
    blocks = block_means(worsening, length)
    if len(blocks) < FEWEST_BASELINE_BLOCKS:
        return MetricState(name=metric.name, evidence=None, untestable=_too_few(len(numbers), length), block=length)
    for_scale = readings_for_scale(len(blocks))
    effect = float(standard_effect(metric.planned_degradation, np.array(blocks[:for_scale])))
    gap = lattice_gap(np.array(blocks))
    # Seeded by the watch, so that beginning it again gives the same state.
    spread = np.random.default_rng(int(watch.content_digest(), 16)).random(len(blocks) - for_scale)
    reference = tuple(sorted((np.array(blocks[for_scale:]) + gap * spread).tolist()))
    needed = fixed_sample_size(effect, watch.alpha_per_metric, watch.power, len(reference))
    return MetricState(
        name=metric.name,
        evidence=RankEvidence(reference=reference, effect=effect, gap=gap),
        block=length,
        baseline_mean=sum(numbers) / len(numbers),
        needed_readings=None if needed is None else needed * length,
        autocorrelation=lag_one_autocorrelation(worsening),
    )


def _too_few(readings: int, length: int) -> str:
    if readings == 0:
        return "there are no readings from before the change to compare with"
    together = f", averaged {length} at a time because neighbours resemble each other" if length > 1 else ""
    return (
        f"{readings} readings from before the change{together} are too few to compare with; "
        f"give at least {FEWEST_BASELINE_BLOCKS * length}"
    )
