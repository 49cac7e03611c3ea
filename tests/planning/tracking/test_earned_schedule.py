from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planning.goals.goals import goal
from voicehive.planning.errors import PlannedValueInvalid
from voicehive.planning.milestones import Milestone
from voicehive.planning.tracking.earned_schedule import earned_schedule, earned_value, planned_values

PLAN = [10.0, 30.0, 60.0, 80.0, 100.0]


def test_figures_worked_by_hand_from_lipkes_formula():
    # EV 45 lies half-way between the ends of periods 2 (30) and 3 (60); four periods have passed.
    figures = earned_schedule(PLAN, 45.0, 4.0)
    assert figures.earned == pytest.approx(2.5)
    assert figures.variance == pytest.approx(-1.5)
    assert figures.index == pytest.approx(0.625)
    assert figures.duration == pytest.approx(8.0)


def test_a_late_finish_stays_late():
    """What Lipke's method mends: at the end SV($) is 0 and SPI($) is 1 however late, and SV(t) and SPI(t) are not."""
    figures = earned_schedule([*PLAN, 100.0], 100.0, 8.0)
    assert (figures.earned, figures.variance, figures.index, figures.duration) == (5.0, -3.0, 0.625, 8.0)


def test_nothing_earned_and_no_time():
    figures = earned_schedule(PLAN, 0.0, 0.0)
    assert (figures.earned, figures.index, figures.duration) == (0.0, None, None)
    assert earned_schedule(PLAN, -3.0, 2.0).index == 0.0


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=30), st.floats(0, 1), st.floats(0.1, 50))
def test_the_plan_at_the_earned_time_is_what_was_earned(steps, share, actual):
    planned = np.cumsum(steps)
    value = share * planned[-1]
    figures = earned_schedule(planned.tolist(), value, actual)
    assert np.interp(figures.earned, np.arange(len(planned) + 1), [0, *planned]) == pytest.approx(value)
    assert figures.variance == pytest.approx(figures.earned - actual)


@pytest.mark.parametrize("planned", [[], [0.0, 0.0], [2.0, 1.0], [-1.0, 2.0], [float("nan")]])
def test_what_is_no_cumulative_curve_is_refused(planned):
    with pytest.raises(PlannedValueInvalid, match="never fall"):
        earned_schedule(planned, 1.0, 1.0)
    with pytest.raises(PlannedValueInvalid, match="actual_time"):
        earned_schedule([1.0], 1.0, -1.0)


def test_a_goal_plans_by_its_milestones_and_otherwise_in_a_straight_line():
    plain = goal(due=date(2026, 1, 4))
    assert planned_values(plain) == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert earned_value(plain, 75.0, ()) == pytest.approx(0.5)
    assert earned_value(plain, None, ()) is None
    milestones = tuple(
        Milestone(id=name, due=date(2026, 1, day), criterion="metrics.service_level > 1.0", weight=weight)
        for name, day, weight in (("late", 4, 1.0), ("early", 2, 2.0), ("too", 2, 1.0))
    )
    marked = goal(due=date(2026, 1, 8), milestones=milestones)
    assert planned_values(marked) == pytest.approx([0.375, 0.75, 0.875, 1.0])
    assert earned_value(marked, None, {"early"}) == pytest.approx(0.5)
