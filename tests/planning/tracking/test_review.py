from datetime import date

import numpy as np
import pytest

from tests.planning.tracking.tracked import DAY, START, compiled, point, tracked
from voicehive.planning.errors import StateMismatch
from voicehive.planning.life_cycle import GoalLife
from voicehive.planning.milestones import Milestone
from voicehive.planning.tracking.points import fold
from voicehive.planning.tracking.review import review_goal, stage_wanted
from voicehive.planning.tracking.state import TrackingState

ACTIVE = GoalLife(stage="active")


def review(goal, state, day, seed=1):
    return review_goal(goal, state, START + day * DAY, np.random.default_rng(seed))


def halfway(**changes):
    half = Milestone(id="half", due=date(2026, 2, 19), criterion="metrics.service_level >= 75.0")
    return compiled(milestones=(half,), **changes)


def test_a_goal_on_its_way_is_green_and_knows_its_figures():
    goal = compiled()
    state = tracked(goal, [point(day, 70 + 0.12 * day) for day in range(31)])
    found, _ = review(goal, state, 30.5)
    assert (found.colour, found.reasons, found.alerts, found.replanning) == ("green", (), (), None)
    assert found.progress == pytest.approx(0.36)
    assert found.forecast.probability == 1.0
    assert found.schedule.index == pytest.approx(36 / 30.5)
    assert found.success.judged == "unmet"
    assert stage_wanted(ACTIVE, found) is None


def test_a_goal_that_falls_behind_wants_a_new_plan_once():
    goal = halfway(owner="olivia")
    state = tracked(goal, [point(day, 70 + 0.01 * day) for day in range(31)])
    first, state = review(goal, state, 30.5)
    assert first.colour == "red"
    assert first.replanning.probability < goal.goal.probability_floor
    assert (first.alerts[0].severity, first.alerts[0].owner) == ("critical", "olivia")
    assert "floor 50%" in first.reasons[0]
    stage, reason = stage_wanted(ACTIVE, first)
    assert (stage, "floor" in reason) == ("at_risk", True)
    second, state = review(goal, state, 30.6)
    assert (second.colour, second.alerts, second.replanning) == ("red", (), None)
    assert TrackingState.model_validate_json(state.model_dump_json()) == state


def test_a_milestone_once_reached_stays_reached_and_earns_its_value():
    goal = halfway()
    state = tracked(goal, [point(day, 70 + 0.2 * day) for day in range(26)])
    found, state = review(goal, state, 25.5)
    assert found.milestones == {"half": "reached"}
    assert state.reached == {"half": date(2026, 1, 26)}
    state = fold(state, goal, point(26, 60.0))
    assert review(goal, state, 26.5).review.milestones == {"half": "reached"}
    assert found.schedule.earned == 50.0


def test_an_overdue_milestone_is_amber():
    goal = halfway()
    state = tracked(goal, [point(day, 70 + 0.099 * day) for day in range(51)])
    found, _ = review(goal, state, 50.5)
    assert found.milestones == {"half": "overdue"}
    assert "half is overdue" in found.reasons


def test_success_by_criteria_needs_every_one_known():
    goal = compiled(criteria=("metrics.service_level >= 80.0", "metrics.nps >= 30.0"))
    points = [point(day, 81.0) for day in range(10)]
    found, _ = review(goal, tracked(goal, points), 9.5)
    assert (found.success.judged, found.success.cause) == ("unknown", "no value of nps")
    assert stage_wanted(ACTIVE, found) is None
    found, _ = review(goal, tracked(goal, [*points, point(9, 31.0, "nps")]), 9.5)
    assert stage_wanted(ACTIVE, found)[0] == "achieved"
    assert stage_wanted(GoalLife(), found) is None


def test_after_the_due_date_what_stood_then_decides_however_late_it_is_asked():
    goal = compiled()
    reached = tracked(goal, [point(day, 81.0) for day in range(100)])
    assert stage_wanted(ACTIVE, review(goal, reached, 150).review)[0] == "achieved"
    short = tracked(goal, [point(day, 79.0) for day in range(100)])
    assert stage_wanted(ACTIVE, review(goal, short, 150).review) == ("missed", "its due date is past")
    silent = tracked(goal, [point(day, 81.0) for day in range(50)])
    stage, reason = stage_wanted(ACTIVE, review(goal, silent, 150).review)
    assert (stage, "not known" in reason) == ("missed", True)


def test_silence_is_amber_and_shown():
    goal = compiled()
    state = tracked(goal, [point(day, 70 + 0.12 * day) for day in range(31)])
    found, _ = review(goal, state, 35.5)
    assert "no usable point for 4 intervals" in found.reasons
    assert (found.colour, found.value, found.progress) == ("amber", None, None)


def test_recovery_says_that_it_is_awaited():
    goal = compiled()
    state = tracked(goal, [point(day, 70 + 0.12 * day) for day in range(31)])
    _, state = review(goal, state, 35.5)
    state = fold(state, goal, point(35, 74.2))
    found, state = review(goal, state, 35.6)
    assert (found.colour, found.reasons) == ("amber", ("recovering: 1 of 2 good reviews in a row",))
    assert review(goal, state, 35.7).review.colour == "green"


def test_a_state_of_another_goal_is_refused():
    state = tracked(compiled(), [point(0, 70.0)])
    with pytest.raises(StateMismatch, match="begin tracking anew"):
        review(compiled(target=81.0), state, 1)
