"""Folds one reading after another into the state of a watch."""

import hashlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime

from voicehive.autonomy.outcomes import sequential_ranks, sign_flips
from voicehive.autonomy.outcomes.errors import WatchMismatch
from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.autonomy.outcomes.sequential_ranks import TOLERANCE
from voicehive.autonomy.outcomes.state import Counts, Evidence, MetricState, RankEvidence, SignEvidence, WatchState
from voicehive.autonomy.outcomes.watch import OutcomeWatch, WatchedMetric


def observe(watch: OutcomeWatch, state: WatchState, points: Iterable[MetricPoint]) -> WatchState:
    """The state with more readings, folded in one after another.

    An interval counts once: its first usable reading. A reading that is missing, late, a duplicate or outside the
    window is counted as that and changes nothing else, so the same points may safely be folded in twice.

    Raises:
        WatchMismatch: the state belongs to another watch, or a point to no metric of this one.
    """
    check_belongs(watch, state)
    metrics = {one.name: one for one in state.metrics}
    for point in points:
        metric = watch.metric(point.metric)
        if metric is None:
            raise WatchMismatch(f"points: {point.metric!r} is not a metric of this watch; correct the name")
        metrics[metric.name] = _fold(watch, state, metric, metrics[metric.name], point)
    return state.model_copy(update={"metrics": tuple(metrics.values())})


def check_belongs(watch: OutcomeWatch, state: WatchState) -> None:
    """Raise WatchMismatch unless the state was begun for exactly this watch."""
    if state.watch_digest != watch.content_digest():
        raise WatchMismatch("the state was begun for another watch, or the watch was changed since; begin a new one")


def _fold(
    watch: OutcomeWatch, state: WatchState, metric: WatchedMetric, earlier: MetricState, point: MetricPoint
) -> MetricState:
    interval = (point.at - state.started_at) // watch.interval
    if fault := _fault(watch, metric, earlier, point, interval):
        return earlier.model_copy(update={"counts": _counted(earlier.counts, fault)})
    assert point.value is not None  # else it would be at fault
    compared = point.value - (point.control or 0.0) if metric.control is not None else point.value
    counts = _counted(earlier.counts, "folded")
    folded = earlier.model_copy(
        update={
            "counts": counts,
            "last_interval": interval,
            "mean": earlier.mean + (compared - earlier.mean) / counts.folded,
            **_guarded(metric, earlier, point.value, point.at),
        }
    )
    return _tested(watch, state, metric, folded, worsening=metric.sign * compared, at=point.at)


def _fault(
    watch: OutcomeWatch, metric: WatchedMetric, earlier: MetricState, point: MetricPoint, interval: int
) -> str | None:
    if not 0 <= interval < watch.readings:
        return "outside"
    if interval <= earlier.last_interval:
        return "duplicate" if interval == earlier.last_interval else "late"
    without_control = metric.control is not None and point.control is None
    return "missing" if point.value is None or without_control else None


def _counted(counts: Counts, name: str) -> Counts:
    return counts.model_copy(update={name: getattr(counts, name) + 1})


def _guarded(metric: WatchedMetric, earlier: MetricState, value: float, at: datetime) -> dict[str, object]:
    """How the guard-rail stands after one more reading."""
    rail = metric.guard_rail
    if rail is None or earlier.breached_at is not None:
        return {}
    breaches = earlier.breaches + 1 if metric.sign * value > metric.sign * rail.limit else 0
    return {"breaches": breaches, "breached_at": at if breaches >= rail.in_a_row else None}


def _tested(
    watch: OutcomeWatch,
    state: WatchState,
    metric: WatchedMetric,
    folded: MetricState,
    *,
    worsening: float,
    at: datetime,
) -> MetricState:
    if folded.evidence is None or folded.degraded_at is not None:
        return folded
    partial = (*folded.partial, worsening)
    if len(partial) < folded.block:
        return folded.model_copy(update={"partial": partial})
    block = math.fsum(partial) / len(partial)
    evidence = _updated(watch, folded.evidence, block, metric.planned_degradation, _uniform(state, folded))
    degraded, unharmed = (room <= TOLERANCE for room in _rooms(watch, evidence))
    return folded.model_copy(
        update={
            "partial": (),
            "evidence": evidence,
            "degraded_at": at if degraded else None,
            "unharmed_at": at if unharmed and folded.unharmed_at is None else folded.unharmed_at,
        }
    )


def _rooms(watch: OutcomeWatch, evidence: Evidence) -> tuple[float, float]:
    """How far both logarithms still are from convincing."""
    return -math.log(watch.alpha_per_metric) - evidence.degraded, -math.log(watch.miss) - evidence.unharmed


def _updated(
    watch: OutcomeWatch, evidence: Evidence, block: float, planned: float, uniform: float
) -> RankEvidence | SignEvidence:
    still_open = [room > TOLERANCE for room in _rooms(watch, evidence)]
    rooms = [room if one else math.inf for room, one in zip(_rooms(watch, evidence), still_open, strict=True)]
    if isinstance(evidence, RankEvidence):
        factors, changes = _ranked(evidence, block, planned, (rooms[0], rooms[1]), uniform)
    else:
        factors, changes = _signed(evidence, block, planned, (rooms[0], rooms[1]))
    # What has once convinced is left as it is.
    degraded, unharmed = (float(factor) if one else 0.0 for factor, one in zip(factors, still_open, strict=True))
    changes |= {"degraded": evidence.degraded + degraded, "unharmed": evidence.unharmed + unharmed}
    return evidence.model_copy(update=changes)


def _ranked(
    evidence: RankEvidence, worsening: float, planned: float, rooms: tuple[float, float], uniform: float
) -> tuple[tuple[float, float], dict[str, object]]:
    """Both logarithms for one more reading ranked among all earlier ones, and what else changes in the evidence."""
    reference, after = evidence.reference, evidence.after
    worsening += evidence.gap * uniform
    where, equal = _below(after, worsening)
    smaller_before, equal_before = _below(reference, worsening)
    # Less the degradation, the readings after keep their order among themselves.
    smaller_unharmed, equal_unharmed = _below(reference, worsening - planned)
    ranks = (
        sequential_ranks.rank_among(smaller_before + where, equal_before + equal, uniform),
        sequential_ranks.rank_among(smaller_unharmed + where, equal_unharmed + equal, uniform),
    )
    factors = sequential_ranks.log_factors(ranks, evidence.effect, (len(reference), len(after)), rooms)
    return factors, {"after": (*after[:where], worsening, *after[where:])}


def _signed(
    evidence: SignEvidence, worsening: float, planned: float, rooms: tuple[float, float]
) -> tuple[tuple[float, float], dict[str, object]]:
    """Both logarithms for the sign of one more difference, and what else changes in the evidence."""
    count, shifted = evidence.count + 1, worsening - planned
    squares, shifted_squares = evidence.squares + worsening**2, evidence.shifted_squares + shifted**2
    factors = (
        sign_flips.log_factor(worsening, squares, count, planned, rooms[0]),
        sign_flips.log_factor(shifted, shifted_squares, count, -planned, rooms[1]),
    )
    return factors, {"count": count, "squares": squares, "shifted_squares": shifted_squares}


def _below(values: tuple[float, ...], bound: float) -> tuple[int, int]:
    """How many of some sorted values are smaller than a bound, and how many equal it."""
    smaller = bisect_left(values, bound)
    return smaller, bisect_right(values, bound, lo=smaller) - smaller


def _uniform(state: WatchState, metric: MetricState) -> float:
    """A number in [0, 1) that depends on the watch, its start and the count, never on a reading; reproducible."""
    text = f"{state.watch_digest}:{state.started_at.isoformat()}:{metric.name}:{metric.counts.folded}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48
