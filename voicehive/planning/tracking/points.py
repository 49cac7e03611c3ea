"""Folds metric points into the tracking of a goal, one by one."""

from typing import Any

from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.planning.errors import StateMismatch
from voicehive.planning.goals import CompiledGoal
from voicehive.planning.tracking.state import REMEMBERED_SLOTS, PointCounts, Sample, TrackingState

_MASK = (1 << REMEMBERED_SLOTS) - 1


def fold(state: TrackingState, goal: CompiledGoal, point: MetricPoint) -> TrackingState:
    """The state with one more point, which may be of any metric that the goal's expressions read.

    Points may come in any order: within `REMEMBERED_SLOTS` intervals the samples do not depend on it.

    Raises:
        StateMismatch: the point is of a metric that does not count for this goal.
    """
    if point.metric not in goal.metrics:
        known = ", ".join(sorted(goal.metrics))
        raise StateMismatch(f"goal {goal.goal.id}", f"a point of {point.metric!r} came", f"send points of {known}")
    if point.metric != goal.goal.metric:
        latest = _latest(state, point) if state.started_at <= point.at < state.ends_at else None
        return state if latest is None else state.model_copy(update=latest)
    return state.model_copy(update=_folded(state, point))


def _latest(state: TrackingState, point: MetricPoint) -> dict[str, Any] | None:
    """The change to the newest values; None where the point is not newer, or holds no number."""
    before = state.latest.get(point.metric)
    if point.value is None or (before is not None and before[0] >= point.at):
        return None
    return {"latest": {**state.latest, point.metric: (point.at, point.value)}}


def _folded(state: TrackingState, point: MetricPoint) -> dict[str, Any]:
    slot = state.slot(point.at)
    behind = state.newest - slot
    if slot < 0 or point.at >= state.ends_at:
        return _counted(state.counts, "outside")
    if point.value is None:
        return _counted(state.counts, "unusable")
    if behind >= REMEMBERED_SLOTS:
        return _counted(state.counts, "late")
    if behind >= 0 and state.seen >> behind & 1:
        return _counted(state.counts, "duplicate")
    samples = _with_sample(state.samples, (slot, point.value), state.slots_per_step)
    if behind > 0:
        changed = {**_counted(state.counts, "folded", "out_of_order", missing=-1), "seen": state.seen | 1 << behind}
    else:
        seen = (state.seen << -behind | 1) & _MASK
        changed = {**_counted(state.counts, "folded", missing=-behind - 1), "seen": seen, "newest": slot}
    return {**changed, "samples": samples, **(_latest(state, point) or {})}


def _counted(counts: PointCounts, *names: str, missing: int = 0) -> dict[str, Any]:
    update = {name: getattr(counts, name) + 1 for name in names}
    if missing:
        update["missing"] = counts.missing + missing
    return {"counts": counts.model_copy(update=update)}


def _with_sample(samples: tuple[Sample, ...], new: Sample, slots_per_step: int) -> tuple[Sample, ...]:
    """The samples with a new one, unless its step holds a later one."""
    step = new[0] // slots_per_step
    place = len(samples)
    while place and samples[place - 1][0] // slots_per_step > step:
        place -= 1
    if not place or samples[place - 1][0] // slots_per_step < step:
        return (*samples[:place], new, *samples[place:])
    if samples[place - 1][0] > new[0]:
        return samples
    return (*samples[: place - 1], new, *samples[place:])
