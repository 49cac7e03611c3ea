from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planning.tracking.tracked import DAY, START, compiled, point, tracked
from voicehive.planning.errors import StateMismatch
from voicehive.planning.tracking.points import fold
from voicehive.planning.tracking.state import REMEMBERED_SLOTS, STEPS, TrackingState, begin_tracking


def test_every_fate_of_a_point_is_counted():
    goal = compiled()
    fates = [
        point(-1, 1.0),  # outside
        point(0, 70.0),
        point(1, None),  # unusable, so day 1 stays missing
        point(3, 71.0),
        point(3.5, 99.0),  # duplicate: the day has one
        point(2, 70.5),  # out of order
        point(90, 79.0),
        point(4, 71.0),  # late
        point(100, 80.0),  # outside: due is the end of day 99
    ]
    counts = tracked(goal, fates).counts
    assert counts.model_dump() == {
        "folded": 4,
        "out_of_order": 1,
        "duplicate": 1,
        "late": 1,
        "unusable": 1,
        "outside": 2,
        "missing": 1 + 86,
    }
    assert counts.in_words().startswith("4 folded, 1 out of order, 1 duplicate")


@given(st.permutations(range(40)), st.sets(st.integers(0, 39), max_size=10), st.integers(1, 3))
def test_the_order_of_points_does_not_matter_within_what_is_remembered(order, gaps, times):
    goal = compiled()
    in_order = tracked(goal, [point(day, float(day)) for day in range(40) if day not in gaps])
    shuffled = tracked(goal, [point(day, float(day)) for day in order if day not in gaps for _ in range(times)])
    assert shuffled.samples == in_order.samples
    assert shuffled.latest == in_order.latest
    assert (shuffled.seen, shuffled.newest) == (in_order.seen, in_order.newest)
    assert shuffled.counts.missing == in_order.counts.missing == len([gap for gap in gaps if gap < in_order.newest])
    assert shuffled.counts.duplicate == (times - 1) * shuffled.counts.folded


@given(st.lists(st.tuples(st.integers(-5, 3_000), st.one_of(st.none(), st.floats(0, 1))), max_size=300))
def test_whatever_comes_is_counted_once_and_the_state_stays_small(arrivals):
    goal = compiled()
    every = timedelta(hours=1)
    state = tracked(goal, [point(slot / 24, value) for slot, value in arrivals], every)
    counts = state.counts
    assert len(arrivals) == (counts.folded + counts.duplicate + counts.late + counts.unusable + counts.outside)
    assert counts.missing + counts.folded == state.newest + 1
    assert len(state.samples) <= STEPS
    steps = [slot // state.slots_per_step for slot, _ in state.samples]
    assert steps == sorted(set(steps))
    assert state.seen < 1 << REMEMBERED_SLOTS
    assert TrackingState.model_validate_json(state.model_dump_json()) == state


def test_a_step_keeps_the_last_value_of_its_intervals():
    goal = compiled(days=256)  # two days a step
    state = tracked(goal, [point(0, 1.0), point(1, 2.0), point(2, 3.0)])
    assert state.slots_per_step == 2
    assert state.samples == ((1, 2.0), (2, 3.0))
    assert tracked(goal, [point(1, 2.0), point(2, 3.0), point(0, 1.0)]).samples == state.samples


def test_a_year_of_minutes_stays_under_ten_kilobytes():
    goal = compiled(days=365)
    minute = timedelta(minutes=1)
    state = tracked(goal, [point(day, 70.123456789 + day) for day in range(365)], minute)
    assert len(state.model_dump_json()) < 10_000
    assert len(state.samples) == STEPS


def test_other_metrics_count_with_their_newest_value_until_it_is_stale():
    goal = compiled(criteria=("metrics.nps > 1.0",))
    state = tracked(goal, [point(5, 2.0, "nps"), point(4, 9.0, "nps"), point(6, None, "nps"), point(0, 70.0)])
    assert state.values(START + 7 * DAY, 3) == {"nps": 2.0, "service_level": None}
    assert state.values(START + 8 * DAY, 3)["nps"] is None
    with pytest.raises(StateMismatch, match="a point of 'churn' came"):
        fold(state, goal, point(1, 1.0, "churn"))


def test_an_interval_must_fit_into_the_goal():
    for every in (timedelta(0), timedelta(days=101)):
        with pytest.raises(StateMismatch, match="choose an interval"):
            begin_tracking(compiled().goal, every)
