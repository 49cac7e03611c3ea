"""Folds one reading after another into the state of a watch."""

import hashlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from voicehive.autonomy.outcomes import sequential_ranks, sign_flips
from voicehive.autonomy.outcomes.errors import WatchMismatch
from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.autonomy.outcomes.sequential_ranks import TOLERANCE
from voicehive.autonomy.outcomes.state import Counts, Evidence, MetricState, RankEvidence, SignEvidence, WatchState
from voicehive.autonomy.outcomes.thinning import Thinning
from voicehive.autonomy.outcomes.watch import OutcomeWatch, WatchedMetric

Uniforms: TypeAlias = tuple[float, float]


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
    evidence = _updated(watch, folded.evidence, block, metric.planned_degradation, _uniforms(state, folded))
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
    watch: OutcomeWatch, evidence: Evidence, block: float, planned: float, uniforms: Uniforms
) -> RankEvidence | SignEvidence:
    still_open = [room > TOLERANCE for room in _rooms(watch, evidence)]
    rooms = [room if one else math.inf for room, one in zip(_rooms(watch, evidence), still_open, strict=True)]
    if isinstance(evidence, RankEvidence):
        factors, changes = _ranked(evidence, block, planned, (rooms[0], rooms[1]), uniforms)
    else:
        factors, changes = _signed(evidence, block, planned, (rooms[0], rooms[1]))
    # What has once convinced is left as it is.
    degraded, unharmed = (float(factor) if one else 0.0 for factor, one in zip(factors, still_open, strict=True))
    changes |= {"degraded": evidence.degraded + degraded, "unharmed": evidence.unharmed + unharmed}
    return evidence.model_copy(update=changes)


def _ranked(
    evidence: RankEvidence, worsening: float, planned: float, rooms: tuple[float, float], uniforms: Uniforms
) -> tuple[tuple[float, float], dict[str, object]]:
    """Both logarithms for one more reading ranked among all earlier ones, and what else changes in the evidence."""
    reference, after, spread = evidence.reference, evidence.after, evidence.gap * uniforms[0]
    reading = worsening + spread
    where, equal = _below(after, reading)
    rank = _rank(_below(reference, reading), (where, equal), uniforms[0])
    changes: dict[str, object] = {"after": (*after[:where], reading, *after[where:])}
    if evidence.keep is None:
        # Less the degradation, the readings after keep their order among themselves.
        lessened, among = reading - planned, (where, equal)
    else:
        kept = Thinning(evidence.lowest, evidence.gap, evidence.keep).kept(worsening, uniforms[1])
        lessened = float(kept) + spread
        among = _below(evidence.lessened, lessened)
        changes["lessened"] = (*evidence.lessened[: among[0]], lessened, *evidence.lessened[among[0] :])
    ranks = rank, _rank(_below(reference, lessened), among, uniforms[0])
    pool = len(reference), len(after)
    return sequential_ranks.log_factors(ranks, evidence.effect, pool, rooms, evidence.inflation), changes


def _signed(
    evidence: SignEvidence, worsening: float, planned: float, rooms: tuple[float, float]
) -> tuple[tuple[float, float], dict[str, object]]:
    """Both logarithms for the sign of one more difference, and what else changes in the evidence."""
    count, mean, squares = evidence.count, evidence.mean, evidence.squares
    factors = (
        sign_flips.log_factor(worsening, (count, mean, squares), planned, rooms[0]),
        sign_flips.log_factor(planned - worsening, (count, planned - mean, squares), planned, rooms[1]),
    )
    moved = mean + (worsening - mean) / (count + 1)
    squares += (worsening - mean) * (worsening - moved)
    return factors, {"count": count + 1, "mean": moved, "squares": squares}


def _rank(before: tuple[int, int], after: tuple[int, int], uniform: float) -> int:
    return int(sequential_ranks.rank_among(before[0] + after[0], before[1] + after[1], uniform))


def _below(values: tuple[float, ...], bound: float) -> tuple[int, int]:
    """How many of some sorted values are smaller than a bound, and how many equal it."""
    smaller = bisect_left(values, bound)
    return smaller, bisect_right(values, bound, lo=smaller) - smaller


def _uniforms(state: WatchState, metric: MetricState) -> Uniforms:
    """Numbers in [0, 1) that depend on the watch, its start and the count, never on a reading; reproducible."""
    text = f"{state.watch_digest}:{state.started_at.isoformat()}:{metric.name}:{metric.counts.folded}"
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48, int.from_bytes(digest[6:12]) / 2**48
