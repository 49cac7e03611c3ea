"""Reviews a goal: judges milestones and success, forecasts, and gives the status, its reasons and alerts."""

from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from pydantic import AwareDatetime

from voicehive.model import Identifier, Model
from voicehive.planning.criteria import Judgement, judge_all
from voicehive.planning.errors import StateMismatch
from voicehive.planning.goals import CompiledGoal, StrategicGoal
from voicehive.planning.life_cycle import GoalLife, Stage
from voicehive.planning.milestones import MilestoneStanding, judge_milestone
from voicehive.planning.tracking.alerts import Alert, ReplanningWanted, alerts_between, replanning_between
from voicehive.planning.tracking.earned_schedule import EarnedSchedule, earned_schedule, earned_value, planned_values
from voicehive.planning.tracking.forecast import CompletionForecast, forecast_completion
from voicehive.planning.tracking.state import Colour, PointCounts, TrackingState
from voicehive.planning.tracking.status import Figures, StatusRules, judge_parts, next_standing


class GoalReview(Model):
    """How a goal stands at a moment. None: not known.

    `progress` is the share of the way from baseline to target. `success` says whether the goal is achieved: by its
    criteria, and without any by the target. Schedule figures are in days.
    """

    goal: Identifier
    at: AwareDatetime
    colour: Colour
    reasons: tuple[str, ...]
    value: float | None
    progress: float | None
    success: Judgement
    past_due: bool
    milestones: dict[str, MilestoneStanding]
    forecast: CompletionForecast | None
    schedule: EarnedSchedule | None
    counts: PointCounts
    alerts: tuple[Alert, ...] = ()
    replanning: ReplanningWanted | None = None


class Reviewed(NamedTuple):
    """A review, and the state that goes on from it."""

    review: GoalReview
    state: TrackingState


def review_goal(
    compiled: CompiledGoal,
    state: TrackingState,
    now: datetime,
    generator: np.random.Generator,
    rules: StatusRules | None = None,
) -> Reviewed:
    """Review a goal at a moment; the same arguments and seed give the same review.

    Raises:
        StateMismatch: the state belongs to another goal, or to this one before it was changed.
    """
    goal, rules = compiled.goal, rules or StatusRules()
    if state.goal_digest != goal.content_digest():
        raise StateMismatch(f"goal {goal.id}", "the state belongs to another goal", "begin tracking anew")
    # What counts after the due date is how it stood then.
    values = state.values(min(now, state.ends_at), rules.stale_after)
    standings, reached = _judge_milestones(
        compiled, values, state.reached, now.astimezone(state.started_at.tzinfo).date()
    )
    success = _judge_success(compiled, values)
    value = values.get(goal.metric)
    # Of a metric that went stale, the last is still the best guess for the forecast.
    forecast = forecast_completion(state, goal, generator)
    schedule = _schedule(goal, state, now, value, reached)
    probability = 1.0 if success.is_met else None if forecast is None else forecast.probability
    figures = Figures(
        probability=probability,
        floor=goal.probability_floor,
        schedule_index=None if schedule is None or success.is_met else schedule.index,
        overdue=tuple(name for name, standing in standings.items() if standing == "overdue"),
        missing_intervals=max(state.slot(min(now, state.ends_at)) - state.newest - 1, 0),
        past_due=now >= state.ends_at and not success.is_met,
    )
    parts = judge_parts(figures, state.standing.parts, rules)
    standing = next_standing(state.standing, parts, probability, goal.probability_floor, rules)
    reasons = tuple(part.reason for part in parts.values() if part.reason)
    if not reasons and standing.colour != "green":
        reasons = (f"recovering: {standing.better_reviews} of {rules.steady_reviews} good reviews in a row",)
    review = GoalReview(
        goal=goal.id,
        at=now,
        colour=standing.colour,
        reasons=reasons,
        value=value,
        progress=None if value is None else goal.progress(value),
        success=success,
        past_due=now >= state.ends_at,
        milestones=standings,
        forecast=forecast,
        schedule=schedule,
        counts=state.counts,
        alerts=alerts_between(goal, state.standing, standing, now, reasons),
        replanning=replanning_between(goal, state.standing, standing, at=now, probability=probability, reasons=reasons),
    )
    return Reviewed(review, state.model_copy(update={"standing": standing, "reached": reached}))


def stage_wanted(life: GoalLife, review: GoalReview) -> tuple[Stage, str] | None:
    """The stage that a goal should go to after a review, with the reason; None: it stays.

    What is past its due date and not known to be a success is missed.
    """
    if life.stage not in ("active", "at_risk"):
        return None
    if review.success.is_met:
        return "achieved", "what makes it a success is true"
    if review.past_due:
        cause = f", for it is not known whether it is a success: {review.success.cause}" if review.success.cause else ""
        return "missed", f"its due date is past{cause}"
    if life.stage == "active" and review.colour == "red":
        return "at_risk", "; ".join(review.reasons)
    if life.stage == "at_risk" and review.colour == "green":
        return "active", "it is green again"
    return None


def _judge_milestones(
    compiled: CompiledGoal, values: dict[str, float | None], reached: dict[str, date], today: date
) -> tuple[dict[str, MilestoneStanding], dict[str, date]]:
    """How every milestone stands, and the dates of those reached by now."""
    standings: dict[str, MilestoneStanding] = {}
    reached = dict(reached)
    for milestone in compiled.goal.ordered_milestones:
        criterion = compiled.milestones[milestone.id]
        standing, _ = judge_milestone(milestone, criterion, values, reached, today)
        standings[milestone.id] = standing
        if standing in ("reached", "reached_late"):
            reached.setdefault(milestone.id, today)
    return standings, reached


def _judge_success(compiled: CompiledGoal, values: dict[str, float | None]) -> Judgement:
    if compiled.criteria:
        return judge_all(compiled.criteria, values)
    value = values.get(compiled.goal.metric)
    if value is None:
        return Judgement(judged="unknown", cause=f"no value of {compiled.goal.metric}")
    return Judgement(judged="met" if compiled.goal.reaches_target(value) else "unmet")


def _schedule(
    goal: StrategicGoal, state: TrackingState, now: datetime, value: float | None, reached: dict[str, date]
) -> EarnedSchedule | None:
    """The earned-schedule figures in days; None before the start, or where it is not known what is earned."""
    earned = earned_value(goal, value, reached)
    days = (now - state.started_at).total_seconds() / 86_400
    if earned is None or days < 0:
        return None
    return earned_schedule(planned_values(goal), earned, days)
