"""Says from the state of a watch whether the change did harm."""

import math
from datetime import datetime

from voicehive.autonomy.outcomes.observation import check_belongs
from voicehive.autonomy.outcomes.state import MetricState, WatchState
from voicehive.autonomy.outcomes.verdict import MetricVerdict, OutcomeVerdict, OutcomeWord
from voicehive.autonomy.outcomes.watch import OutcomeWatch, WatchedMetric

LEAST_COVERAGE = 0.5
"""A metric of whose expected readings fewer have come is never good: what is missing may be what went wrong."""

_LARGEST_LOGARITHM = 230.0


def judge(watch: OutcomeWatch, state: WatchState, now: datetime) -> OutcomeVerdict:
    """The verdict at a moment; it may be asked for as often as one likes.

    Bad: a guard-rail was breached, or a metric is shown to have become worse (`alpha` over all metrics). Good: for
    every metric the planned degradation is ruled out (each at `miss`, which is not divided: a degradation must
    slip past its own metric's test). Else unclear. Bad overrides good, so it is sound to watch on after a good verdict.

    Raises:
        WatchMismatch: the state belongs to another watch.
    """
    check_belongs(watch, state)
    watched = now - state.started_at
    over = watched >= watch.window
    expected = max(0, min(watch.readings, watched // watch.interval))
    metrics = tuple(
        _judge_metric(watch, metric, one, expected) for metric, one in zip(watch.metrics, state.metrics, strict=True)
    )
    words = [metric.verdict for metric in metrics]
    word: OutcomeWord = "bad" if "bad" in words else "unclear" if "unclear" in words else "good"
    spoke = [metric.reason for metric in metrics if metric.verdict == word]
    if word == "unclear" and over:
        spoke.append("the window is over")
    final = over or word == "bad" or (word == "good" and watched >= watch.least_window)
    return OutcomeVerdict(verdict=word, final=final, reasons=tuple(spoke), metrics=metrics)


def _judge_metric(watch: OutcomeWatch, metric: WatchedMetric, state: MetricState, expected: int) -> MetricVerdict:
    word, reason = _word(watch, metric, state, expected)
    evidence, before = state.evidence, state.baseline_mean
    if before is None and metric.control is not None:
        before = 0.0
    after = state.mean if state.counts.folded else None
    return MetricVerdict(
        name=metric.name,
        verdict=word,
        unit=metric.unit,
        mean_before=before,
        mean_after=after,
        degradation=None if before is None or after is None else metric.sign * (after - before),
        planned_degradation=metric.planned_degradation,
        degraded_e_value=_e_value(evidence.degraded if evidence else 0.0),
        degraded_needed=1 / watch.alpha_per_metric,
        unharmed_e_value=_e_value(evidence.unharmed if evidence else 0.0),
        unharmed_needed=1 / watch.miss,
        expected=expected,
        counts=state.counts,
        reason=f"{metric.name}: {reason}",
    )


def _word(watch: OutcomeWatch, metric: WatchedMetric, state: MetricState, expected: int) -> tuple[OutcomeWord, str]:
    readings = state.counts.folded
    if state.breached_at is not None and metric.guard_rail is not None:
        rail = metric.guard_rail
        times = f"{rail.in_a_row} readings in a row were" if rail.in_a_row > 1 else "a reading was"
        limit = _amount(metric, rail.limit)
        return "bad", f"{times} beyond the guard-rail of {limit} at {state.breached_at:%H:%M:%S}"
    if readings == 0:
        return "unclear", "no usable reading has come"
    if state.evidence is None:
        return "unclear", state.untestable
    if state.degraded_at is not None:
        return "bad", f"worse{_by(metric, state)}; {_shown(state.evidence.degraded, 1 / watch.alpha_per_metric)}"
    if state.unharmed_at is None:
        return "unclear", _undecided(watch, metric, state)
    if readings < LEAST_COVERAGE * expected:
        return "unclear", f"only {readings} of {expected} readings came; what is missing may be what went wrong"
    planned = _amount(metric, metric.planned_degradation)
    ruled_out = f"ruled out at {state.unharmed_at:%H:%M:%S} by an e-value of at least {1 / watch.miss:.3g}"
    return "good", f"worse by less than {planned}{_by(metric, state, 'measured')}; {ruled_out}"


def _undecided(watch: OutcomeWatch, metric: WatchedMetric, state: MetricState) -> str:
    said = (
        f"after {state.counts.folded} readings neither shown to be worse, nor shown not to be worse by "
        f"{_amount(metric, metric.planned_degradation)}{_by(metric, state, 'measured')}"
    )
    if state.baseline_mean is not None and state.needed_readings is None:
        return f"{said}; the readings from before are too few to tell a difference this small: give more of them"
    if state.needed_readings is not None and state.needed_readings > watch.readings:
        return (
            f"{said}; a test that looks once would need {state.needed_readings} readings and the window holds "
            f"{watch.readings}: lengthen it or plan for a larger degradation"
        )
    return said


def _by(metric: WatchedMetric, state: MetricState, word: str = "") -> str:
    """By how much it is worse, and from what to what."""
    before = state.baseline_mean
    if metric.control is not None:
        difference = metric.sign * (state.mean - (before or 0.0))
        against = "the control" if before is None else "the control, and than their difference before"
        return f" ({word} {_amount(metric, difference)} worse than {against})".replace("( ", "(")
    if before is None:
        return ""
    change = (
        f"{_amount(metric, metric.sign * (state.mean - before))}, from {before:.4g} to {_amount(metric, state.mean)}"
    )
    return f" ({word} {change})".replace("( ", "(")


def _amount(metric: WatchedMetric, number: float) -> str:
    return f"{number:.4g} {metric.unit}".rstrip()


def _shown(logarithm: float, needed: float) -> str:
    return f"e-value {_e_value(logarithm):.3g}, where {needed:.3g} convinces"


def _e_value(logarithm: float) -> float:
    return math.exp(min(logarithm, _LARGEST_LOGARITHM))
